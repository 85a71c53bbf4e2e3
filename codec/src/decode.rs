//! The decoder: a frame is opened, which proves all of it, and then read event by event.

use crate::event::{Carrier, Event, KIND_BITS, TAG_POINTS};
use crate::fault::{Fault, Reason};
use crate::header::{HEADER_BYTES, Header, KIND_LOG};
use crate::varint::read_varint;

/// Where a reader is in the events of one log frame. It borrows nothing, so that the WASM boundary
/// can keep it beside the frame; it is to be used with that frame only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    offset: usize,
    remaining: u32,
    first: bool,
    through: u64,
    point: u64,
    clock_us: u64,
}

/// Checks the whole of a log frame (header, length, CRC32C, every event) and returns its header and
/// a cursor at its first event, with which [`Cursor::next`] does not fail any more.
pub fn open_log(frame: &[u8]) -> Result<(Header, Cursor), Fault> {
    let header = Header::open(frame)?;
    if header.kind != KIND_LOG {
        return Err(Fault::new(Reason::OtherKind, 5, header.kind.into(), KIND_LOG.into()));
    }
    let start = Cursor::new(&header, frame)?;
    let mut cursor = start;
    while cursor.next(frame)?.is_some() {}
    if cursor.offset != frame.len() {
        let (found, expected) = (cursor.offset as u64, frame.len() as u64);
        return Err(Fault::new(Reason::EventCount, cursor.offset, found, expected));
    }
    Ok((header, start))
}

/// Checks a message frame and returns its header and its payload.
pub fn open_message(frame: &[u8]) -> Result<(Header, &[u8]), Fault> {
    let header = Header::open(frame)?;
    if header.kind == KIND_LOG {
        return Err(Fault::new(Reason::OtherKind, 5, header.kind.into(), 2));
    }
    Ok((header, &frame[HEADER_BYTES..]))
}

impl Cursor {
    fn new(header: &Header, frame: &[u8]) -> Result<Cursor, Fault> {
        let through = header.through;
        let (mut offset, mut point) = (HEADER_BYTES, through);
        if header.event_count > 0 {
            let span = read_varint(frame, &mut offset)?;
            point = through.checked_sub(span).ok_or(Fault::new(
                Reason::Span,
                HEADER_BYTES,
                span,
                through,
            ))?;
        }
        let remaining = header.event_count;
        Ok(Cursor { offset, remaining, first: true, through, point, clock_us: 0 })
    }

    /// The event at the cursor, which moves behind it; nothing at the end.
    pub fn next<'a>(&mut self, frame: &'a [u8]) -> Result<Option<Event<'a>>, Fault> {
        if self.remaining == 0 {
            return Ok(None);
        }
        let start = self.offset;
        let tag = self.byte(frame)?;
        let point = self.read_point(frame, start, tag)?;
        let event = match Carrier::of_code(tag & ((1 << KIND_BITS) - 1)) {
            None => Event::Time { point, clock_us: self.read_clock(frame)? },
            Some(carrier) => {
                let selector = self.byte(frame)?;
                Event::Bytes { point, carrier, selector, bytes: self.read_bytes(frame, carrier)? }
            }
        };
        self.remaining -= 1;
        self.first = false;
        Ok(Some(event))
    }

    fn byte(&mut self, frame: &[u8]) -> Result<u8, Fault> {
        let Some(&byte) = frame.get(self.offset) else {
            return Err(Fault::new(Reason::Truncated, self.offset, 0, 0));
        };
        self.offset += 1;
        Ok(byte)
    }

    fn read_point(&mut self, frame: &[u8], start: usize, tag: u8) -> Result<u64, Fault> {
        let mut points = u64::from(tag >> KIND_BITS);
        if points == TAG_POINTS {
            points += read_varint(frame, &mut self.offset)?;
        }
        if self.first && points != 0 {
            return Err(Fault::new(Reason::FirstEvent, start, points, 0));
        }
        let point = self.point + points;
        if point > self.through {
            return Err(Fault::new(Reason::BeyondThrough, start, point, self.through));
        }
        self.point = point;
        Ok(point)
    }

    fn read_clock(&mut self, frame: &[u8]) -> Result<u64, Fault> {
        let start = self.offset;
        let clock_us = self.clock_us + read_varint(frame, &mut self.offset)?;
        if clock_us > crate::MAX_SAFE_INTEGER {
            return Err(Fault::new(Reason::Unsafe, start, clock_us, crate::MAX_SAFE_INTEGER));
        }
        self.clock_us = clock_us;
        Ok(clock_us)
    }

    fn read_bytes<'a>(&mut self, frame: &'a [u8], carrier: Carrier) -> Result<&'a [u8], Fault> {
        let start = self.offset;
        let (length, most) = (read_varint(frame, &mut self.offset)?, carrier.max_bytes() as u64);
        if length > most {
            return Err(Fault::new(Reason::EventLength, start, length, most));
        }
        let end = self.offset + length as usize;
        let Some(bytes) = frame.get(self.offset..end) else {
            return Err(Fault::new(Reason::Truncated, start, 0, 0));
        };
        self.offset = end;
        Ok(bytes)
    }
}
