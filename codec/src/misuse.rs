//! What a caller got wrong: a defect on this side, not bytes from a peer.

use core::fmt;

use crate::MAX_SAFE_INTEGER;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A number that is no integer from 0 to 2^53 - 1, or to the limit named.
    Number(u64),
    /// A point before the last event's, or before the last frame's `through`.
    PointBackwards {
        /// The point given.
        point: u64,
        /// The last one.
        last: u64,
    },
    /// A clock before the last time event's.
    ClockBackwards {
        /// The clock given, in microseconds.
        clock_us: u64,
        /// The last time event's.
        last_us: u64,
    },
    /// More bytes than one event of this kind may carry, or one frame.
    TooLong {
        /// The length given.
        bytes: usize,
        /// The most that there may be.
        most: usize,
    },
    /// The frame has no room for the event: ask `room` first, and close it.
    Full {
        /// The length of the event that does not fit.
        bytes: usize,
    },
    /// `through` lies before the last event, or before the last frame's.
    ThroughBehind {
        /// The `through` given.
        through: u64,
        /// The last point.
        last: u64,
    },
    /// An event can't have this kind.
    EventKind(u32),
    /// A message can't have this kind.
    MessageKind(u8),
    /// A page at or before the last one of its batch.
    PageBackwards {
        /// The page given.
        page: u64,
        /// The first page that could follow.
        next: u64,
    },
}

impl fmt::Display for Misuse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misuse::Number(most) => write!(out, "expected an integer from 0 to {most}"),
            Misuse::PointBackwards { point, last } => {
                write!(out, "point {point} comes after point {last}")
            }
            Misuse::ClockBackwards { clock_us, last_us } => {
                write!(out, "clock {clock_us} us comes after clock {last_us} us")
            }
            Misuse::TooLong { bytes, most } => {
                write!(out, "{bytes} bytes, expected at most {most}")
            }
            Misuse::Full { bytes } => write!(out, "no room in the frame for {bytes} bytes"),
            Misuse::ThroughBehind { through, last } => {
                write!(out, "through {through} lies before point {last}")
            }
            Misuse::EventKind(kind) => write!(out, "kind {kind} is not an event's"),
            Misuse::MessageKind(kind) => write!(out, "kind {kind} is not a message's"),
            Misuse::PageBackwards { page, next } => {
                write!(out, "page {page}, expected {next} or a later one")
            }
        }
    }
}

/// The value, if both sides of the boundary hold it exactly.
pub(crate) fn safe(value: u64) -> Result<u64, Misuse> {
    if value <= MAX_SAFE_INTEGER { Ok(value) } else { Err(Misuse::Number(MAX_SAFE_INTEGER)) }
}
