//! The encoder: events go in as they happen, a sealed frame comes out.

use alloc::vec::Vec;
use core::fmt;

use crate::MAX_SAFE_INTEGER;
use crate::event::{Carrier, KIND_BITS, TAG_POINTS};
use crate::header::{HEADER_BYTES, Header, KIND_LOG, MAX_PAYLOAD_BYTES};
use crate::varint::{MAX_VARINT_BYTES, varint};

/// The most bytes of an event that are not its own: tag, point, and a clock (or selector, length).
pub const MAX_EVENT_OVERHEAD_BYTES: usize = 1 + 2 * MAX_VARINT_BYTES;
/// Where events begin in the buffer. The span is known last, so its place is kept in front of
/// them, and header and span are set right against them when the frame is closed.
const EVENTS_AT: usize = HEADER_BYTES + MAX_VARINT_BYTES;
/// Enough for the common frame; larger ones make the buffer grow, up to the largest payload.
const FIRST_CAPACITY_BYTES: usize = 64 << 10;

/// What a caller got wrong: a defect on this side, not bytes from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A number that is no integer from 0 to 2^53 - 1, or to the limit named.
    Number(u64),
    /// A point before the last event's.
    PointBackwards {
        /// The point given.
        point: u64,
        /// The last event's.
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
    /// `through` lies before the last event.
    ThroughBehind {
        /// The `through` given.
        through: u64,
        /// The last event's point.
        last: u64,
    },
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
                write!(out, "through {through} lies before the last event's point {last}")
            }
            Misuse::PageBackwards { page, next } => {
                write!(out, "page {page}, expected {next} or a later one")
            }
            Misuse::MessageKind(kind) => write!(out, "kind {kind} is not a message's"),
        }
    }
}

/// What the caller knows about a log frame when it is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    /// The number of the reign.
    pub generation: u32,
    /// The frame's number on its channel.
    pub sequence: u64,
    /// The execution point up to which the log is complete.
    pub through: u64,
    /// Running checksum of the exit sequence.
    pub exits_checksum: u64,
    /// Running checksum of the outputs.
    pub outputs_checksum: u64,
}

fn safe(value: u64) -> Result<u64, Misuse> {
    if value <= MAX_SAFE_INTEGER { Ok(value) } else { Err(Misuse::Number(MAX_SAFE_INTEGER)) }
}

/// The open frame of a log. A refused call leaves it as it was.
pub struct FrameEncoder {
    /// Header and span to be, then the events so far.
    buffer: Vec<u8>,
    event_count: u32,
    first_point: u64,
    last_point: u64,
    last_clock_us: u64,
}

impl Default for FrameEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameEncoder {
    /// An encoder with an empty frame open.
    pub fn new() -> FrameEncoder {
        let mut buffer = Vec::with_capacity(FIRST_CAPACITY_BYTES);
        buffer.resize(EVENTS_AT, 0);
        FrameEncoder { buffer, event_count: 0, first_point: 0, last_point: 0, last_clock_us: 0 }
    }

    /// How many events the open frame holds.
    pub fn event_count(&self) -> u32 {
        self.event_count
    }

    /// How long the payload will be at most; the span takes up to 8 bytes and is known last.
    pub fn payload_bytes(&self) -> usize {
        if self.event_count == 0 { 0 } else { self.buffer.len() - HEADER_BYTES }
    }

    /// Whether any event that carries `bytes` bytes fits the open frame.
    pub fn room(&self, bytes: usize) -> bool {
        let free = EVENTS_AT + MAX_PAYLOAD_BYTES - MAX_VARINT_BYTES - self.buffer.len();
        bytes <= MAX_PAYLOAD_BYTES && bytes + MAX_EVENT_OVERHEAD_BYTES <= free
    }

    /// Appends a time event: from `point` on, the clock shows `clock_us`.
    pub fn time(&mut self, point: u64, clock_us: u64) -> Result<(), Misuse> {
        let points = self.points_to(point)?;
        let last_us = self.last_clock_us;
        let Some(passed_us) = safe(clock_us)?.checked_sub(last_us) else {
            return Err(Misuse::ClockBackwards { clock_us, last_us });
        };
        if !self.room(0) {
            return Err(Misuse::Full { bytes: 0 });
        }
        self.begin(0, point, points);
        self.varint(passed_us);
        self.last_clock_us = clock_us;
        Ok(())
    }

    /// Appends an event that carries `length` bytes, and returns their place for the caller to
    /// fill: so that bytes from outside WASM are copied once.
    pub fn bytes(
        &mut self,
        carrier: Carrier,
        point: u64,
        selector: u8,
        length: usize,
    ) -> Result<&mut [u8], Misuse> {
        let points = self.points_to(point)?;
        let most = carrier.max_bytes();
        if length > most {
            return Err(Misuse::TooLong { bytes: length, most });
        }
        if !self.room(length) {
            return Err(Misuse::Full { bytes: length });
        }
        self.begin(carrier.code(), point, points);
        self.buffer.push(selector);
        self.varint(length as u64);
        let at = self.buffer.len();
        self.buffer.resize(at + length, 0);
        Ok(&mut self.buffer[at..])
    }

    /// Seals the frame and returns it; the next event, or [`FrameEncoder::reset`], opens another.
    pub fn close(&mut self, closing: &Closing) -> Result<&[u8], Misuse> {
        safe(closing.sequence)?;
        let through = safe(closing.through)?;
        if through < self.last_point {
            return Err(Misuse::ThroughBehind { through, last: self.last_point });
        }
        let mut start = EVENTS_AT;
        if self.event_count > 0 {
            let (span, length) = varint(through - self.first_point);
            start -= length;
            self.buffer[start..EVENTS_AT].copy_from_slice(&span[..length]);
        }
        let header = Header {
            kind: KIND_LOG,
            payload_bytes: (self.buffer.len() - start) as u32,
            generation: closing.generation,
            event_count: self.event_count,
            sequence: closing.sequence,
            through,
            exits_checksum: closing.exits_checksum,
            outputs_checksum: closing.outputs_checksum,
        };
        let frame = &mut self.buffer[start - HEADER_BYTES..];
        header.seal(frame);
        Ok(frame)
    }

    /// Forgets the open frame's events and opens an empty one.
    pub fn reset(&mut self) {
        self.buffer.truncate(EVENTS_AT);
        (self.event_count, self.first_point) = (0, 0);
        (self.last_point, self.last_clock_us) = (0, 0);
    }

    /// How many points lie between the last event's and `point`; 0 for the first event.
    fn points_to(&self, point: u64) -> Result<u64, Misuse> {
        let last = if self.event_count == 0 { safe(point)? } else { self.last_point };
        safe(point)?.checked_sub(last).ok_or(Misuse::PointBackwards { point, last })
    }

    /// Appends the tag and the point of an event that is known to be right and to fit.
    fn begin(&mut self, code: u8, point: u64, points: u64) {
        if self.event_count == 0 {
            self.first_point = point;
        }
        self.buffer.push((points.min(TAG_POINTS) as u8) << KIND_BITS | code);
        if points >= TAG_POINTS {
            self.varint(points - TAG_POINTS);
        }
        self.last_point = point;
        self.event_count += 1;
    }

    fn varint(&mut self, value: u64) {
        let (bytes, length) = varint(value);
        self.buffer.extend_from_slice(&bytes[..length]);
    }
}

/// Seals a message: a frame of another kind than the log's, with a payload of the caller's own.
pub fn seal_message(
    kind: u8,
    generation: u32,
    sequence: u64,
    through: u64,
    payload: &[u8],
) -> Result<Vec<u8>, Misuse> {
    if kind == 0 || kind == KIND_LOG {
        return Err(Misuse::MessageKind(kind));
    }
    let (bytes, most) = (payload.len(), MAX_PAYLOAD_BYTES);
    if bytes > most {
        return Err(Misuse::TooLong { bytes, most });
    }
    let header = Header {
        kind,
        payload_bytes: bytes as u32,
        generation,
        sequence: safe(sequence)?,
        through: safe(through)?,
        ..Header::default()
    };
    let mut frame = Vec::with_capacity(HEADER_BYTES + bytes);
    frame.resize(HEADER_BYTES, 0);
    frame.extend_from_slice(payload);
    header.seal(&mut frame);
    Ok(frame)
}
