//! The bytes that say which event comes next, and the flags that a log frame begins with. Both are
//! drawn in docs/LOG-FORMAT.md.

/// A generation follows.
pub(crate) const FLAG_GENERATION: u8 = 1;
/// A sequence follows.
pub(crate) const FLAG_SEQUENCE: u8 = 2;
/// A running checksum of the exits follows.
pub(crate) const FLAG_EXITS: u8 = 4;
/// A running checksum of the outputs follows.
pub(crate) const FLAG_OUTPUTS: u8 = 8;
/// The flags' high bits hold the number of events, up to this; from it on, a varint adds.
pub(crate) const FLAGS_EVENTS: usize = 15;
pub(crate) const FLAGS_EVENTS_SHIFT: u32 = 4;

/// Below: a predicted time event, whose residual is the byte less 64.
pub(crate) const TOKEN_RESIDUAL_2: u8 = 0x80;
/// The same, with a residual of five bits and a byte, and of three bits and two bytes.
pub(crate) const TOKEN_RESIDUAL_3: u8 = 0xa0;
/// From here: as many events as predicted, the first of these bytes means one.
pub(crate) const TOKEN_RUN: u8 = 0xa8;
/// A varint adds to the number.
pub(crate) const TOKEN_RUN_MORE: u8 = 0xbf;
/// From here: an event that is written out.
pub(crate) const TOKEN_EXPLICIT: u8 = 0xc0;
/// Its points, up to this; from it on, a varint adds.
pub(crate) const TOKEN_POINTS: u64 = 15;
pub(crate) const POINTS_SHIFT: u32 = 2;
