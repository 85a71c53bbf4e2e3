//! The encoder of the log: events go in as they happen, a sealed frame comes out.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::context::{Context, MIN_PACKED_BYTES, Shape, max_packed_bytes};
use crate::dense::Dense;
use crate::event::{Carrier, Closing, MAX_CARRIED_BYTES, MAX_EVENTS, TIME};
use crate::form::{Form, push_block};
use crate::frame::{Chain, HEADER_BYTES, Header, KIND_LOG, Level};
use crate::misuse::{Misuse, safe};
use crate::token::{
    FLAG_EXITS, FLAG_GENERATION, FLAG_OUTPUTS, FLAG_SEQUENCE, FLAGS_EVENTS, FLAGS_EVENTS_SHIFT,
    POINTS_SHIFT, TOKEN_EXPLICIT, TOKEN_POINTS, TOKEN_RESIDUAL_2, TOKEN_RESIDUAL_3, TOKEN_RUN,
    TOKEN_RUN_MORE,
};
use crate::varint::push_varint;

/// The most bytes of a frame that an event takes which are not its own.
pub const EVENT_OVERHEAD_BYTES: usize = 24;

/// The open frame of a log, and what the frames before it in its chain have taught. A refused call
/// leaves it as it was.
pub struct FrameEncoder {
    level: Level,
    chain_frames: u32,
    /// Frames that the chain has so far.
    frames: u32,
    crc: u32,
    context: Context,
    dense: Option<Box<Dense>>,
    /// The open frame's events: what they are, and what they carry.
    tokens: Vec<u8>,
    bytes: Vec<u8>,
    /// Events in a row as predicted, for which there is no token yet.
    run: u64,
    events: usize,
    carried: usize,
    frame: Vec<u8>,
    fast: Vec<u8>,
}

impl FrameEncoder {
    /// An encoder with an empty frame open, of chains of `chain_frames` frames; 1: each is alone.
    pub fn new(chain_frames: u32, level: Level) -> FrameEncoder {
        FrameEncoder {
            level,
            chain_frames,
            frames: 0,
            crc: 0,
            context: Context::new(),
            dense: (level == Level::Dense).then(Dense::new),
            tokens: Vec::new(),
            bytes: Vec::new(),
            run: 0,
            events: 0,
            carried: 0,
            frame: Vec::new(),
            fast: Vec::new(),
        }
    }

    /// How many events the open frame holds.
    pub fn event_count(&self) -> usize {
        self.events
    }

    /// Whether any event that carries `bytes` bytes fits the open frame.
    pub fn room(&self, bytes: usize) -> bool {
        let taken = self.carried + EVENT_OVERHEAD_BYTES * (self.events + 1);
        self.events < MAX_EVENTS && bytes <= MAX_CARRIED_BYTES && taken + bytes <= MAX_CARRIED_BYTES
    }

    /// Appends a time event: from `point` on, the clock shows `clock_us`.
    #[inline]
    pub fn time(&mut self, point: u64, clock_us: u64) -> Result<(), Misuse> {
        let points = self.points_to(point)?;
        let last_us = self.context.clock_us;
        let Some(step_us) = safe(clock_us)?.checked_sub(last_us) else {
            return Err(Misuse::ClockBackwards { clock_us, last_us });
        };
        if !self.room(0) {
            return Err(Misuse::Full { bytes: 0 });
        }
        let shape = Shape::time(points);
        let residual = match self.context.prediction() {
            Some(next) if next.shape == shape => Some(step_us.wrapping_sub(next.step_us) as i64),
            _ => None,
        };
        match residual {
            Some(0) => self.run += 1,
            Some(residual @ -64..64) => self.token((residual + 64) as u8, &[]),
            Some(residual @ -4096..4096) => {
                let shifted = (residual + 4096) as u16;
                self.token(TOKEN_RESIDUAL_2 | (shifted >> 8) as u8, &[shifted as u8]);
            }
            Some(residual @ -262_144..262_144) => {
                let [_, high, middle, low] = ((residual + 262_144) as u32).to_be_bytes();
                self.token(TOKEN_RESIDUAL_3 | high, &[middle, low]);
            }
            _ => {
                self.write_out(TIME, points);
                self.varint(step_us);
            }
        }
        self.context.learn(shape, step_us);
        self.events += 1;
        Ok(())
    }

    /// Appends an event that carries bytes.
    pub fn bytes(
        &mut self,
        carrier: Carrier,
        point: u64,
        selector: u8,
        bytes: &[u8],
    ) -> Result<(), Misuse> {
        let points = self.points_to(point)?;
        let (length, most) = (bytes.len(), carrier.max_bytes());
        if length > most {
            return Err(Misuse::TooLong { bytes: length, most });
        }
        if !self.room(length) {
            return Err(Misuse::Full { bytes: length });
        }
        let shape = Shape::bytes(points, carrier, selector, length);
        if self.context.prediction().is_some_and(|next| next.shape == shape) {
            self.run += 1;
        } else {
            self.write_out(carrier.code(), points);
            self.tokens.push(selector);
            self.varint(length as u64);
        }
        self.context.learn(shape, 0);
        self.pack(carrier, selector, bytes);
        self.events += 1;
        self.carried += length;
        Ok(())
    }

    /// Seals the frame and returns it, until another call; the next event opens another.
    pub fn close(&mut self, closing: &Closing) -> Result<&[u8], Misuse> {
        safe(closing.sequence)?;
        let through = safe(closing.through)?;
        let last = self.context.point;
        let Some(rest) = through.checked_sub(last) else {
            return Err(Misuse::ThroughBehind { through, last });
        };
        self.end_run();
        self.frame.clear();
        self.frame.resize(HEADER_BYTES, 0);
        let mut payload = core::mem::take(if self.dense.is_some() {
            self.fast.clear();
            &mut self.fast
        } else {
            &mut self.frame
        });
        self.write_head(&mut payload, closing, rest);
        payload.extend_from_slice(&self.tokens);
        payload.extend_from_slice(&self.bytes);
        if let Some(dense) = &mut self.dense {
            dense.encode(&payload, &mut self.frame);
            self.fast = payload;
        } else {
            self.frame = payload;
        }
        let chain = match (self.chain_frames, self.frames) {
            (0 | 1, _) => Chain::Alone,
            (_, 0) => Chain::Begins,
            _ => Chain::Continues,
        };
        let payload_bytes = self.frame.len() - HEADER_BYTES;
        let header = Header { kind: KIND_LOG, chain, level: self.level, payload_bytes };
        self.crc = header.seal(&mut self.frame, self.crc);
        self.context.close(*closing);
        self.next_frame();
        Ok(&self.frame)
    }

    /// Opens an empty frame.
    fn next_frame(&mut self) {
        self.tokens.clear();
        self.bytes.clear();
        (self.events, self.carried) = (0, 0);
        self.frames += 1;
        if self.frames >= self.chain_frames {
            self.frames = 0;
            self.context.reset();
            if let Some(dense) = &mut self.dense {
                dense.reset();
            }
        }
    }

    fn write_head(&self, out: &mut Vec<u8>, closing: &Closing, rest: u64) {
        let before = &self.context.before;
        let count = self.events.min(FLAGS_EVENTS);
        let at = out.len();
        let mut flags = (count as u8) << FLAGS_EVENTS_SHIFT;
        out.push(0);
        if closing.generation != before.generation {
            flags |= FLAG_GENERATION;
            push_varint(out, closing.generation.into());
        }
        if closing.sequence != before.sequence + 1 {
            flags |= FLAG_SEQUENCE;
            push_varint(out, closing.sequence);
        }
        if closing.exits_checksum != before.exits_checksum {
            flags |= FLAG_EXITS;
            out.extend_from_slice(&closing.exits_checksum.to_le_bytes());
        }
        if closing.outputs_checksum != before.outputs_checksum {
            flags |= FLAG_OUTPUTS;
            out.extend_from_slice(&closing.outputs_checksum.to_le_bytes());
        }
        if count == FLAGS_EVENTS {
            push_varint(out, (self.events - count) as u64);
        }
        push_varint(out, rest);
        out[at] = flags;
    }

    /// How many points lie between the last event's and `point`.
    fn points_to(&self, point: u64) -> Result<u64, Misuse> {
        let last = self.context.point;
        safe(point)?.checked_sub(last).ok_or(Misuse::PointBackwards { point, last })
    }

    fn token(&mut self, first: u8, rest: &[u8]) {
        self.end_run();
        self.tokens.push(first);
        self.tokens.extend_from_slice(rest);
    }

    fn end_run(&mut self) {
        let run = core::mem::take(&mut self.run);
        let most = u64::from(TOKEN_RUN_MORE - TOKEN_RUN);
        if run == 0 {
        } else if run <= most {
            self.tokens.push(TOKEN_RUN + (run - 1) as u8);
        } else {
            self.tokens.push(TOKEN_RUN_MORE);
            self.varint(run - most - 1);
        }
    }

    /// Begins an event that is not as predicted.
    fn write_out(&mut self, code: u8, points: u64) {
        self.token(TOKEN_EXPLICIT | code | (points.min(TOKEN_POINTS) as u8) << POINTS_SHIFT, &[]);
        if points >= TOKEN_POINTS {
            self.varint(points - TOKEN_POINTS);
        }
    }

    fn varint(&mut self, value: u64) {
        push_varint(&mut self.tokens, value);
    }

    /// Appends what an event carries, in the form that is probably the shortest.
    fn pack(&mut self, carrier: Carrier, selector: u8, bytes: &[u8]) {
        let (context, out) = (&mut self.context, &mut self.bytes);
        if bytes.len() < MIN_PACKED_BYTES {
            out.extend_from_slice(bytes);
            return;
        }
        // The model finds more in bytes as they are.
        let packs = self.level == Level::Fast;
        let is_shorter = carrier == Carrier::Data && context.flows().write(bytes, packs, out)
            || packs
                && bytes.len() <= max_packed_bytes(carrier)
                && push_block(out, bytes, context.dictionary(carrier, selector));
        if !is_shorter {
            push_varint(out, Form::Stored.number());
            out.extend_from_slice(bytes);
        }
        context.learn_bytes(carrier, selector, bytes);
    }
}
