//! The kinds of event, and their bounds.

/// A time event's code; the others are [`Carrier::code`].
pub(crate) const TIME: u8 = 0;
/// The most events in one frame: what a decoder keeps of them takes at most 2 MiB.
pub const MAX_EVENTS: usize = 1 << 16;
/// The most bytes that all events of a frame carry.
pub const MAX_CARRIED_BYTES: usize = 1 << 20;

/// The kinds of event that carry bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Bytes that arrive at a device; the selector is the device.
    Data,
    /// A section of a state transfer; the selector is the section.
    State,
    /// The channel's own affairs; the selector is the code.
    Control,
}

impl Carrier {
    /// The most bytes that one event of this kind may carry.
    pub const fn max_bytes(self) -> usize {
        match self {
            Carrier::Data | Carrier::Control => 64 << 10,
            Carrier::State => 256 << 10,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Carrier::Data => 1,
            Carrier::State => 2,
            Carrier::Control => 3,
        }
    }

    /// The carrier with this code; 0, a time event's, and what lies above 3 have none.
    pub(crate) const fn of_code(code: u8) -> Option<Carrier> {
        match code {
            1 => Some(Carrier::Data),
            2 => Some(Carrier::State),
            3 => Some(Carrier::Control),
            _ => None,
        }
    }
}

/// Something non-deterministic that entered the machine at an execution point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The machine's clock moves forward.
    Time {
        /// The execution point.
        point: u64,
        /// What the clock shows from here on, in microseconds.
        clock_us: u64,
    },
    /// Bytes enter.
    Bytes {
        /// The execution point.
        point: u64,
        /// What kind of event this is.
        carrier: Carrier,
        /// Device, section or code.
        selector: u8,
        /// What entered.
        bytes: &'a [u8],
    },
}

/// What a sender says of a log frame, besides its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    /// The number of the reign.
    pub generation: u32,
    /// The frame's number on its channel.
    pub sequence: u64,
    /// The execution point up to which the log is complete.
    pub through: u64,
    /// Running checksum of the exit sequence.
    pub exits_checksum: u32,
    /// Running checksum of the outputs.
    pub outputs_checksum: u32,
}
