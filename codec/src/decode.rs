//! The decoder of the log: a frame is opened, which proves all of it and leaves a record of each of
//! its events.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::MAX_SAFE_INTEGER;
use crate::context::{Context, MIN_PACKED_BYTES, Prediction, Shape};
use crate::cursor::Cursor;
use crate::dense::Dense;
use crate::event::{Carrier, Closing, Event, MAX_CARRIED_BYTES, MAX_EVENTS};
use crate::fault::{Fault, Reason};
use crate::form::{Form, read_block};
use crate::frame::{Chain, HEADER_BYTES, Header, KIND_LOG, Level};
use crate::token::{
    FLAG_EXITS, FLAG_GENERATION, FLAG_OUTPUTS, FLAG_SEQUENCE, FLAGS_EVENTS, FLAGS_EVENTS_SHIFT,
    POINTS_SHIFT, TOKEN_EXPLICIT, TOKEN_POINTS, TOKEN_RESIDUAL_2, TOKEN_RESIDUAL_3, TOKEN_RUN,
    TOKEN_RUN_MORE,
};

/// An event of the open frame. Laid out for the WASM boundary, which hands the address on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// The execution point.
    pub point: u64,
    /// Of a time event: what the clock shows from here on, in microseconds.
    pub clock_us: u64,
    /// Kind, and selector from bit 8 on.
    pub tag: u32,
    /// Where its bytes are in what [`FrameDecoder::carried`] gives, and how many.
    pub at: u32,
    /// See `at`.
    pub length: u32,
    /// Bytes of the fast payload: bits 0 to 7 what says what it is, from bit 8 on its bytes.
    pub sizes: u32,
}

/// Whether, and how, the frame opened last can be continued.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link {
    level: Level,
    crc: u32,
}

/// Reads the frames of one stream, in their order.
pub struct FrameDecoder {
    link: Option<Link>,
    context: Context,
    dense: Option<Box<Dense>>,
    records: Vec<Record>,
    carried: Vec<u8>,
    fast: Vec<u8>,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameDecoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> FrameDecoder {
        FrameDecoder {
            link: None,
            context: Context::new(),
            dense: None,
            records: Vec::new(),
            carried: Vec::new(),
            fast: Vec::new(),
        }
    }

    /// Checks the whole of a log frame (header, length, CRC32C, every event) and keeps its events.
    /// After a fault there are none, and nothing may continue the chain.
    ///
    /// A fault's offset is from the frame's beginning; in a dense frame, as if it were fast.
    pub fn open(&mut self, frame: &[u8]) -> Result<Closing, Fault> {
        self.records.clear();
        let link = self.link.take();
        let (header, crc) = Header::open(frame, link.map_or(0, |link| link.crc))?;
        let Header { kind, chain, level, .. } = header;
        if kind != KIND_LOG {
            return Err(Fault::new(Reason::OtherKind, 1, kind.into(), KIND_LOG.into()));
        }
        if chain != Chain::Continues {
            self.context.reset();
        } else if link.is_none_or(|link| link.level != level) {
            return Err(Fault::new(Reason::NoChain, 1, 0, 0));
        }
        let closing = match level {
            Level::Fast => self.read(frame),
            Level::Dense => self.read_dense(frame, chain),
        };
        if closing.is_err() {
            self.records.clear();
        } else if chain != Chain::Alone {
            self.link = Some(Link { level, crc });
        }
        closing
    }

    /// The open frame's events, as records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What the open frame's events carry.
    pub fn carried(&self) -> &[u8] {
        &self.carried
    }

    /// The open frame's events.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.records.iter().map(|record| {
            let &Record { point, clock_us, tag, at, length, .. } = record;
            match Carrier::of_code(tag as u8) {
                None => Event::Time { point, clock_us },
                Some(carrier) => {
                    let bytes = &self.carried[at as usize..][..length as usize];
                    Event::Bytes { point, carrier, selector: (tag >> 8) as u8, bytes }
                }
            }
        })
    }

    fn read_dense(&mut self, frame: &[u8], chain: Chain) -> Result<Closing, Fault> {
        let dense = self.dense.get_or_insert_with(Dense::new);
        if chain != Chain::Continues {
            dense.reset();
        }
        let mut fast = core::mem::take(&mut self.fast);
        fast.clear();
        // So that offsets are as in a fast frame.
        fast.extend_from_slice(&frame[..HEADER_BYTES]);
        let closing = dense.decode(frame, HEADER_BYTES, &mut fast).and_then(|()| self.read(&fast));
        self.fast = fast;
        closing
    }

    /// Reads a fast payload behind a header.
    fn read(&mut self, frame: &[u8]) -> Result<Closing, Fault> {
        let mut reader = Reader {
            cursor: Cursor::new(frame, HEADER_BYTES),
            context: &mut self.context,
            records: &mut self.records,
        };
        let (mut closing, events, rest) = reader.head()?;
        reader.tokens(events)?;
        let carried_bytes = reader.carried_bytes()?;
        // What is longer than ever before is made room for; what lies behind is left from before.
        if self.carried.len() < carried_bytes {
            self.carried.resize(carried_bytes, 0);
        }
        reader.carried(&mut self.carried)?;
        reader.end()?;
        closing.through = reader.sum(reader.context.point, rest)?;
        self.context.close(closing);
        Ok(closing)
    }
}

/// Where reading a frame stands.
struct Reader<'a> {
    cursor: Cursor<'a>,
    context: &'a mut Context,
    records: &'a mut Vec<Record>,
}

impl Reader<'_> {
    /// A sum of two safe integers, which has to be one.
    fn sum(&self, one: u64, other: u64) -> Result<u64, Fault> {
        let sum = one + other;
        if sum > MAX_SAFE_INTEGER {
            return Err(self.cursor.fault(Reason::Unsafe, sum, MAX_SAFE_INTEGER));
        }
        Ok(sum)
    }

    /// What precedes the tokens; also how many events there are, and what `through` adds to their
    /// last point.
    fn head(&mut self) -> Result<(Closing, usize, u64), Fault> {
        let mut closing = self.context.before;
        let flags = self.cursor.byte()?;
        if flags & FLAG_GENERATION != 0 {
            closing.generation = self.cursor.varint_u32()?;
        }
        closing.sequence = if flags & FLAG_SEQUENCE != 0 {
            self.cursor.varint()?
        } else {
            self.sum(closing.sequence, 1)?
        };
        if flags & FLAG_EXITS != 0 {
            closing.exits_checksum = u32::from_le_bytes(self.cursor.array()?);
        }
        if flags & FLAG_OUTPUTS != 0 {
            closing.outputs_checksum = u32::from_le_bytes(self.cursor.array()?);
        }
        let mut events = u64::from(flags >> FLAGS_EVENTS_SHIFT);
        if events == FLAGS_EVENTS as u64 {
            events += self.cursor.varint()?;
        }
        if events > MAX_EVENTS as u64 {
            return Err(self.cursor.fault(Reason::EventCount, events, MAX_EVENTS as u64));
        }
        let rest = self.cursor.varint()?;
        Ok((closing, events as usize, rest))
    }

    fn tokens(&mut self, events: usize) -> Result<(), Fault> {
        self.records.reserve(events);
        while self.records.len() < events {
            let start = self.cursor.at();
            let token = self.cursor.byte()?;
            if token < TOKEN_RUN {
                self.residual(start, token)?;
            } else if token < TOKEN_EXPLICIT {
                let mut run = u64::from(token - TOKEN_RUN) + 1;
                if token == TOKEN_RUN_MORE {
                    run += self.cursor.varint()?;
                }
                let left = (events - self.records.len()) as u64;
                if run > left {
                    return Err(Fault::new(Reason::Run, start, run, left));
                }
                self.run(start, run)?;
            } else {
                self.written_out(start, token)?;
            }
        }
        Ok(())
    }

    /// A predicted time event, off by a residual.
    #[inline]
    fn residual(&mut self, start: usize, token: u8) -> Result<(), Fault> {
        let residual = if token < TOKEN_RESIDUAL_2 {
            i64::from(token) - 64
        } else if token < TOKEN_RESIDUAL_3 {
            let low = self.cursor.byte()?;
            i64::from(u16::from_be_bytes([token & 31, low])) - 4096
        } else {
            let [middle, low] = [self.cursor.byte()?, self.cursor.byte()?];
            i64::from(u32::from_be_bytes([0, token & 7, middle, low])) - 262_144
        };
        let Prediction { shape, step_us, .. } = self.prediction(start)?;
        if !shape.is_time() {
            return Err(Fault::new(Reason::NotTime, start, shape.tag.into(), 0));
        }
        let Some(step_us) = step_us.checked_add_signed(residual) else {
            return Err(Fault::new(Reason::ClockBackwards, start, 0, 0));
        };
        self.event(start, shape, step_us)
    }

    /// So many events as they are predicted.
    fn run(&mut self, start: usize, run: u64) -> Result<(), Fault> {
        let mut start = start;
        for _ in 0..run {
            let Prediction { shape, step_us, .. } = self.prediction(start)?;
            self.event(start, shape, step_us)?;
            // The token is what the first of them takes; the others take nothing.
            start = self.cursor.at();
        }
        Ok(())
    }

    fn written_out(&mut self, start: usize, token: u8) -> Result<(), Fault> {
        let mut points = u64::from(token >> POINTS_SHIFT & 15);
        if points == TOKEN_POINTS {
            points += self.cursor.varint()?;
        }
        let Some(carrier) = Carrier::of_code(token & 3) else {
            let step_us = self.cursor.varint()?;
            return self.event(start, Shape::time(points), step_us);
        };
        let selector = self.cursor.byte()?;
        let at = self.cursor.at();
        let (length, most) = (self.cursor.varint()?, carrier.max_bytes() as u64);
        if length > most {
            return Err(Fault::new(Reason::EventLength, at, length, most));
        }
        self.event(start, Shape::bytes(points, carrier, selector, length as usize), 0)
    }

    fn prediction(&self, start: usize) -> Result<Prediction, Fault> {
        self.context.prediction().ok_or(Fault::new(Reason::NoPrediction, start, 0, 0))
    }

    #[inline]
    fn event(&mut self, start: usize, shape: Shape, step_us: u64) -> Result<(), Fault> {
        let point = self.sum(self.context.point, shape.points)?;
        let clock_us = self.sum(self.context.clock_us, step_us)?;
        self.context.learn(shape, step_us);
        self.records.push(Record {
            point,
            clock_us,
            tag: u32::from(shape.code()) | u32::from(shape.selector()) << 8,
            at: 0,
            length: shape.length,
            sizes: (self.cursor.at() - start) as u32,
        });
        Ok(())
    }

    /// What all events carry.
    fn carried_bytes(&self) -> Result<usize, Fault> {
        let sum: u64 = self.records.iter().map(|record| u64::from(record.length)).sum();
        if sum > MAX_CARRIED_BYTES as u64 {
            return Err(self.cursor.fault(Reason::Carried, sum, MAX_CARRIED_BYTES as u64));
        }
        Ok(sum as usize)
    }

    /// Reads what the events carry into `out`, which has room for it.
    fn carried(&mut self, out: &mut [u8]) -> Result<(), Fault> {
        let mut filled = 0;
        for index in 0..self.records.len() {
            let Record { tag, length, .. } = self.records[index];
            let Some(carrier) = Carrier::of_code(tag as u8) else { continue };
            let (start, length, selector) = (self.cursor.at(), length as usize, (tag >> 8) as u8);
            let place = &mut out[filled..filled + length];
            if length < MIN_PACKED_BYTES {
                place.copy_from_slice(self.cursor.bytes(length as u64)?);
            } else {
                self.formed(carrier, selector, place)?;
                self.context.learn_bytes(carrier, selector, place);
            }
            let record = &mut self.records[index];
            record.at = filled as u32;
            record.sizes |= ((self.cursor.at() - start) as u32) << 8;
            filled += length;
        }
        Ok(())
    }

    /// Reads what one event carries, with a form in front, into `place`, which has its length.
    fn formed(&mut self, carrier: Carrier, selector: u8, place: &mut [u8]) -> Result<(), Fault> {
        let (at, cursor) = (self.cursor.at(), &mut self.cursor);
        match Form::of_number(cursor.varint()?) {
            Form::Stored => place.copy_from_slice(cursor.bytes(place.len() as u64)?),
            Form::Packed(block) => {
                let dictionary = self.context.dictionary(carrier, selector);
                read_block(cursor, block.get(), place, dictionary)?;
            }
            Form::Network => match place.split_first_chunk_mut() {
                Some((headers, rest)) if carrier == Carrier::Data => {
                    self.context.flows().read(cursor, headers, rest)?;
                }
                _ => return Err(Fault::new(Reason::NotNetwork, at, 0, 0)),
            },
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Fault> {
        match self.cursor.left() {
            0 => Ok(()),
            left => Err(self.cursor.fault(Reason::Surplus, left as u64, 0)),
        }
    }
}
