//! Page batches: pages of guest memory, in ascending order, each in as few bytes as it takes.
//!
//! ```text
//!     ┌────────┬────────┬ ─ ─        a record a page; at most 256 of them, and 256 KiB
//!     │ record │ record │
//!     └────────┴────────┴ ─ ─
//!         │
//!         ├─ zero             tag  [skip]
//!         ├─ raw              tag  [skip]  4096 bytes
//!         ├─ packed           tag  [skip]  length u16  LZ4 block of the page
//!         ├─ changed          tag  [skip]  length u16  changes
//!         └─ changed, packed  tag  [skip]  length u16  LZ4 block of changes
//!
//!     tag:     bits 0-2 kind: 0 zero, 1 raw, 2 packed, 3 changed, 4 changed and packed
//!              bits 3-7 pages skipped since the record before (the first: since page 0);
//!                       31: a varint adds to it
//!     changes: u64, a bit for each of the page's 64 lines that differ, the first the lowest
//!              u8 for each such line, a bit for each of its 8 words that differ
//!              the 8 bytes of each such word, as they are now
//! ```
//!
//! - changed: the words that differ from the page as both ends had it last, its *base*. Who keeps
//!   bases, and until when, is the caller's affair. A page that is as its base has no record.
//! - bounds: a record says no length above 4096 bytes, and what is packed is refused once it unpacks
//!   to more than it stands for; so 256 KiB, of which 256 records fit, never become more than 1 MiB.
//! - a batch carries no checksum: the frame around it has one.

/// Bytes of a page.
pub const PAGE_BYTES: usize = 4096;
/// The most pages in one batch: decoded they are as large as the largest frame.
pub const MAX_BATCH_PAGES: usize = 256;
/// The most bytes of a batch: what one state event carries.
pub const MAX_BATCH_BYTES: usize = crate::event::Carrier::State.max_bytes();

/// A page.
pub type Page = [u8; PAGE_BYTES];

/// How a record says what its page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All zero: nothing to say.
    Zero,
    /// As it is.
    Raw,
    /// An LZ4 block.
    Packed,
    /// The words that differ from its base.
    Changed,
    /// The same, as an LZ4 block.
    ChangedPacked,
}

impl Kind {
    /// Whether it takes the page's base to decode it.
    pub const fn needs_base(self) -> bool {
        matches!(self, Kind::Changed | Kind::ChangedPacked)
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Kind::Zero => 0,
            Kind::Raw => 1,
            Kind::Packed => 2,
            Kind::Changed => 3,
            Kind::ChangedPacked => 4,
        }
    }

    /// The kind with this code; 5 to 7 are none.
    pub(crate) const fn of_code(code: u8) -> Option<Kind> {
        match code {
            0 => Some(Kind::Zero),
            1 => Some(Kind::Raw),
            2 => Some(Kind::Packed),
            3 => Some(Kind::Changed),
            4 => Some(Kind::ChangedPacked),
            _ => None,
        }
    }
}

/// A tag's low bits are the kind.
pub(crate) const KIND_BITS: u32 = 3;
/// A tag's high bits hold the pages skipped, up to this; from it on, a varint adds.
pub(crate) const TAG_SKIP: u64 = 31;
/// Bytes of the length of what is neither zero nor raw.
pub(crate) const LENGTH_BYTES: usize = 2;
