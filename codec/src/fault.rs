//! What is wrong with bytes from a peer: where, what was found, what was expected.

use core::fmt;

/// Why a frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The frame, or batch, ends inside a field.
    Truncated,
    /// The first byte is not d2: no frame, or of another version.
    Magic,
    /// Kind 0 does not exist.
    Kind,
    /// Not the kind that was asked for: a log where a message was expected, or the reverse.
    OtherKind,
    /// A chain or a level that there is not, or of a message, which has none.
    Flags,
    /// It continues a chain that was not opened so far, or at another level.
    NoChain,
    /// The payload length is above the maximum.
    PayloadLength,
    /// The frame is longer or shorter than its header says.
    FrameLength,
    /// The CRC32C does not match.
    Checksum,
    /// More events than a frame may have.
    EventCount,
    /// More events in a row than are left.
    Run,
    /// A predicted event where nothing is predicted.
    NoPrediction,
    /// A residual where the predicted event has no clock.
    NotTime,
    /// A residual that takes the clock back.
    ClockBackwards,
    /// A number above 2^53 - 1.
    Unsafe,
    /// A varint with needless bytes.
    Overlong,
    /// More bytes than an event of this kind may carry.
    EventLength,
    /// More bytes than the events of a frame may carry together.
    Carried,
    /// A network frame where none can be: in an event that is no data, or too few.
    NotNetwork,
    /// A network frame of a flow of which none came before.
    NoFlow,
    /// Bytes behind the last event's.
    Surplus,
    /// A dense payload that stands for too long a fast one, or has not its length.
    FastLength,
    /// A dense payload with fewer bytes, or more, than what it stands for takes.
    Coded,
    /// A page batch longer than any is.
    BatchLength,
    /// A record of a kind that no page has.
    PageKind,
    /// More records than one batch may have.
    PageCount,
    /// A page beyond the end of memory.
    PageNumber,
    /// More bytes than a record of this kind may have, or none.
    RecordLength,
    /// Changes to a page that this end does not have.
    NoBase,
    /// Bytes that LZ4 did not make, or more than a page's.
    Packed,
    /// They unpack to too few bytes.
    UnpackedLength,
    /// Changes that have other bytes than their masks say.
    Changes,
}

/// What it is that breaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A frame.
    Frame,
    /// A page batch.
    Pages,
}

impl Reason {
    const fn words(self) -> &'static str {
        match self {
            Reason::Truncated => "it ends inside a field",
            Reason::Magic => "not a frame of this version: wrong magic",
            Reason::Kind => "there is no frame kind 0",
            Reason::OtherKind => "not the kind of frame expected here",
            Reason::Flags => "not a chain and level that this kind can have",
            Reason::NoChain => "it continues a chain that is not open",
            Reason::PayloadLength => "payload too long",
            Reason::FrameLength => "the frame's length is not what its header says",
            Reason::Checksum => "CRC32C mismatch",
            Reason::EventCount => "too many events",
            Reason::Run => "more events in a row than are left",
            Reason::NoPrediction => "nothing is predicted here",
            Reason::NotTime => "a residual, but no time event is predicted here",
            Reason::ClockBackwards => "the clock goes back",
            Reason::Unsafe => "number too large",
            Reason::Overlong => "varint longer than needed",
            Reason::EventLength => "event too long",
            Reason::Carried => "the events carry too much",
            Reason::NotNetwork => "this event can't be a network frame",
            Reason::NoFlow => "no frame of this flow came before",
            Reason::Surplus => "bytes behind the last event",
            Reason::FastLength => "not the length of a fast payload",
            Reason::Coded => "coded bytes of another length than they stand for",
            Reason::BatchLength => "batch too long",
            Reason::PageKind => "unknown kind of record",
            Reason::PageCount => "too many pages",
            Reason::PageNumber => "page beyond the end of memory",
            Reason::RecordLength => "not a length that this record can have",
            Reason::NoBase => "changes to a page that is not here",
            Reason::Packed => "not LZ4, or longer than what it stands for",
            Reason::UnpackedLength => "it unpacks to the wrong length",
            Reason::Changes => "changes of another length than their masks say",
        }
    }
}

/// A frame that breaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is about.
    pub part: Part,
    /// What rule is broken.
    pub reason: Reason,
    /// Where the offending field begins, in bytes from the start of the frame or batch.
    pub offset: usize,
    /// The value found there.
    pub found: u64,
    /// The value, or the most, that was expected.
    pub expected: u64,
}

impl Fault {
    pub(crate) const fn new(reason: Reason, offset: usize, found: u64, expected: u64) -> Fault {
        Fault { part: Part::Frame, reason, offset, found, expected }
    }

    /// The same fault of a page batch.
    pub(crate) const fn of_pages(self) -> Fault {
        Fault { part: Part::Pages, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { part, reason, offset, found, expected } = self;
        let part = match part {
            Part::Frame => "frame",
            Part::Pages => "page batch",
        };
        write!(out, "bad {part} at byte {offset}: {}", reason.words())?;
        match reason {
            Reason::Truncated | Reason::NoBase | Reason::Packed | Reason::NoChain => Ok(()),
            Reason::NoPrediction | Reason::ClockBackwards | Reason::NotNetwork => Ok(()),
            Reason::Checksum => write!(out, " (found {found:#010x}, expected {expected:#010x})"),
            Reason::Magic => write!(out, " (found {found:#04x}, expected {expected:#04x})"),
            Reason::PayloadLength | Reason::Unsafe | Reason::EventCount | Reason::Run => {
                write!(out, " (found {found}, expected at most {expected})")
            }
            Reason::Carried | Reason::EventLength | Reason::BatchLength | Reason::FastLength => {
                write!(out, " (found {found}, expected at most {expected})")
            }
            Reason::PageKind | Reason::PageCount | Reason::PageNumber | Reason::RecordLength => {
                write!(out, " (found {found}, expected at most {expected})")
            }
            Reason::Kind | Reason::Overlong | Reason::NotTime | Reason::Surplus => {
                write!(out, " (found {found})")
            }
            Reason::NoFlow => write!(out, " (found {found})"),
            _ => write!(out, " (found {found}, expected {expected})"),
        }
    }
}

impl core::error::Error for Fault {}
