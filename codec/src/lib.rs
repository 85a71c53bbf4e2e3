//! The frames of the logging channel: how the log, and whatever else the two sides tell each
//! other, is laid out in bytes, and how those bytes are checked.
//!
//! The core (`header`, `encode`, `decode`, `varint`, `checksum`, `fault`, and of page batches `page`,
//! `page_encode`, `page_decode`, `changes`) is pure and `no_std`: bytes in, values out, no panic on any
//! input. `wasm` and `page_wasm` are the boundary that `codec/codec.ts` and `codec/pages.ts` call.
//!
//! All numbers are little-endian. A frame is a header and a payload:
//!
//! ```text
//!        0        4    5    6      8        12       16           20
//!        ┌────────┬────┬────┬──────┬────────┬────────┬────────────┬────────────┐
//!        │ "USTY" │ver │kind│flags │payload │crc32c  │ generation │event count │
//!        │        │ 1  │    │  0   │ bytes  │        │            │            │
//!     24 ├────────┴────┴────┴──────┴─┬──────┴────────┴────────┬───┴────────────┘
//!        │ sequence              u64 │ through            u64 │ 40
//!     40 ├───────────────────────────┼────────────────────────┤
//!        │ exits checksum        u64 │ outputs checksum   u64 │ 56
//!     56 ├───────────────────────────┴────────────────────────┤
//!        │ payload: at most 1 MiB                             │
//!        └────────────────────────────────────────────────────┘
//! ```
//!
//! - kind: 1 is the log; 2 to 255 are messages, whose payload is opaque here and whose event count
//!   and checksums are 0.
//! - crc32c covers the header, with this field 0, and the payload.
//! - sequence, through: at most 2^53 - 1, so that they are safe integers on the other side.
//!
//! The payload of a log frame is empty, or a span and the events, in order:
//!
//! ```text
//!     ┌──────┬───────┬───────┬ ─ ─        span: varint, through - the first event's point
//!     │ span │ event │ event │
//!     └──────┴───────┴───────┴ ─ ─
//!              │
//!              ├─ time                     tag  [point]  clock
//!              └─ data, state, control     tag  [point]  selector u8  length  bytes
//!
//!     tag:   bits 0-1 kind: 0 time, 1 data, 2 state, 3 control
//!            bits 2-7 points since the event before (0 for the first); 63: a varint adds to it
//!     clock: varint, microseconds since the frame's time event before (the first: since 0)
//! ```
//!
//! - varint: LEB128 of at most 2^53 - 1, the shortest form only: so a log has one encoding.
//! - selector: a data event's device, a state event's section, a control event's code.
//! - length: varint; at most 64 KiB of data or control, 256 KiB of state.
//! - points do not decrease and do not pass through; clocks do not decrease.
//! - each frame stands for itself: nothing is carried over from the one before.
//!
//! What a state event carries of guest memory is a page batch, which `page` draws: pages, each in
//! as few bytes as it takes, some of them as changes to what both ends have already.
#![no_std]

extern crate alloc;

pub mod changes;
pub mod checksum;
pub mod decode;
pub mod encode;
pub mod event;
pub mod fault;
pub mod header;
pub mod page;
pub mod page_decode;
pub mod page_encode;
mod page_wasm;
mod varint;
mod wasm;

/// The largest number that both sides of the boundary hold exactly: 2^53 - 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
