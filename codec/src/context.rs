//! What a chain of frames has taught: what its next event will probably be, and what its bytes are
//! probably like. Encoder and decoder keep one each, and both learn the same from the same events.
//!
//! The predictor is a finite context model of order 2, as known from value prediction (Sazeides and
//! Smith, "The Predictability of Data Values", 1997): which shapes came last says which comes next.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::event::{Carrier, Closing, TIME};
use crate::network::Flows;

const ENTRIES: usize = 1024;
const ENTRY_BITS: u32 = 10;
const MAX_TRUST: u8 = 3;
const SLOTS: usize = 32;
const HASH_A: u32 = 0x9e37_79b1;
const HASH_B: u32 = 0x85eb_ca6b;
const HASH_C: u32 = 0xc2b2_ae35;

/// The fewest bytes of an event that may be packed.
pub(crate) const MIN_PACKED_BYTES: usize = 32;

/// The most bytes of an event that become a dictionary, and that an encoder tries to pack.
pub(crate) const fn max_packed_bytes(carrier: Carrier) -> usize {
    match carrier {
        Carrier::Data => 4 << 10,
        Carrier::State | Carrier::Control => 64 << 10,
    }
}

/// What of an event repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Points since the event before.
    pub points: u64,
    /// Kind, and selector from bit 2 on.
    pub tag: u32,
    /// Of its bytes.
    pub length: u32,
}

impl Shape {
    pub fn time(points: u64) -> Shape {
        Shape { points, tag: TIME.into(), length: 0 }
    }

    pub fn bytes(points: u64, carrier: Carrier, selector: u8, length: usize) -> Shape {
        let tag = u32::from(carrier.code()) | u32::from(selector) << 2;
        Shape { points, tag, length: length as u32 }
    }

    pub fn is_time(self) -> bool {
        self.tag == u32::from(TIME)
    }

    pub fn code(self) -> u8 {
        (self.tag & 3) as u8
    }

    pub fn selector(self) -> u8 {
        (self.tag >> 2) as u8
    }

    fn hash(self) -> u32 {
        self.tag.wrapping_mul(HASH_A)
            ^ (self.points as u32).wrapping_mul(HASH_B)
            ^ self.length.wrapping_mul(HASH_C)
    }
}

/// An event that came where the last two were like those now.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prediction {
    pub shape: Shape,
    /// Of a time event: what the clock passed, in microseconds.
    pub step_us: u64,
    /// 0: nothing came yet.
    trust: u8,
}

/// See the top of the file.
pub(crate) struct Context {
    /// What the frame before said of itself.
    pub before: Closing,
    /// The last event's point; where no event of the frame has come yet, `through` before.
    pub point: u64,
    /// The last time event's clock.
    pub clock_us: u64,
    older: u32,
    newer: u32,
    table: Box<[Prediction; ENTRIES]>,
    dictionaries: [Vec<u8>; SLOTS],
    flows: Flows,
}

impl Context {
    pub fn new() -> Context {
        Context {
            before: Closing::default(),
            point: 0,
            clock_us: 0,
            older: 0,
            newer: 0,
            table: Box::new([Prediction::default(); ENTRIES]),
            dictionaries: [const { Vec::new() }; SLOTS],
            flows: Flows::new(),
        }
    }

    /// Forgets all, and keeps the memory.
    pub fn reset(&mut self) {
        self.before = Closing::default();
        (self.point, self.clock_us, self.older, self.newer) = (0, 0, 0, 0);
        self.table.fill(Prediction::default());
        for dictionary in &mut self.dictionaries {
            dictionary.clear();
        }
        self.flows.reset();
    }

    fn index(&self) -> usize {
        let mixed = (self.older.rotate_left(5) ^ self.newer).wrapping_mul(HASH_A);
        (mixed >> (32 - ENTRY_BITS)) as usize
    }

    /// What comes next, if that can be said.
    #[inline]
    pub fn prediction(&self) -> Option<Prediction> {
        let entry = self.table[self.index() & (ENTRIES - 1)];
        (entry.trust > 0).then_some(entry)
    }

    /// Takes in the next event; `step_us` of a time event, else 0.
    #[inline]
    pub fn learn(&mut self, shape: Shape, step_us: u64) {
        let entry = &mut self.table[self.index() & (ENTRIES - 1)];
        if entry.trust > 0 && entry.shape == shape {
            entry.trust = (entry.trust + 1).min(MAX_TRUST);
            entry.step_us = step_us;
        } else if entry.trust > 1 {
            entry.trust -= 1;
        } else {
            *entry = Prediction { shape, step_us, trust: 1 };
        }
        (self.older, self.newer) = (self.newer, shape.hash());
        self.point += shape.points;
        self.clock_us += step_us;
    }

    /// The frame is over.
    pub fn close(&mut self, closing: Closing) {
        self.before = closing;
        self.point = closing.through;
    }

    fn slot(carrier: Carrier, selector: u8) -> usize {
        usize::from(carrier.code()) << 3 | usize::from(selector & 7)
    }

    /// The bytes that those of such an event are probably like.
    pub fn dictionary(&self, carrier: Carrier, selector: u8) -> &[u8] {
        &self.dictionaries[Context::slot(carrier, selector)]
    }

    /// What the network frames that came say of the next ones.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Takes in an event's bytes.
    pub fn learn_bytes(&mut self, carrier: Carrier, selector: u8, bytes: &[u8]) {
        if (MIN_PACKED_BYTES..=max_packed_bytes(carrier)).contains(&bytes.len()) {
            let dictionary = &mut self.dictionaries[Context::slot(carrier, selector)];
            dictionary.clear();
            dictionary.extend_from_slice(bytes);
        }
        if carrier == Carrier::Data {
            self.flows.learn(bytes);
        }
    }
}
