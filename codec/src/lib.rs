//! The frames of the logging channel: how the log, and whatever else the two sides tell each
//! other, is laid out in bytes, and how those bytes are checked. docs/LOG-FORMAT.md specifies them.
//!
//! The core is pure and `no_std`: bytes in, values out, no panic on any input. Of frames:
//! `frame` (headers, messages), `encode` and `decode` (the log), `context` (what a chain of frames
//! has taught), `token` (how an event is said), `form`, `network`, `tcp` (how its bytes are said),
//! `dense`, `coder`, `model`, `matches` (bit by bit), `cursor`, `varint`, `checksum`, `fault`,
//! `misuse`. Of page batches, which is what a state event carries of guest memory: `page`,
//! `page_encode`, `page_decode`, `changes`. `wasm` and `page_wasm` are the boundary that the
//! TypeScript files of `codec/` call.
#![no_std]

extern crate alloc;

pub mod changes;
pub mod checksum;
mod coder;
mod context;
mod cursor;
pub mod decode;
mod dense;
pub mod encode;
pub mod event;
pub mod fault;
mod form;
pub mod frame;
mod matches;
pub mod misuse;
mod model;
mod network;
pub mod page;
pub mod page_decode;
pub mod page_encode;
mod page_wasm;
mod tcp;
mod token;
mod varint;
mod wasm;

/// The largest number that both sides of the boundary hold exactly: 2^53 - 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
