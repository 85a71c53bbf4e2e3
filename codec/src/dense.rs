//! The level `dense`: the bytes of a fast payload, coded bit by bit by what a model of six contexts
//! says of each. The model and the coder are specified in docs/LOG-FORMAT.md; their kind is that of
//! Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression" (2005).
//!
//! Integers only: both ends have to come to the same probability, whatever machine they run on.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::fault::{Fault, Reason};
use crate::frame::MAX_PAYLOAD_BYTES;
use crate::varint::{read_varint, varint};

const CONTEXTS: usize = 6;
const CELL_BITS: u32 = 16;
const CELLS: usize = 1 << CELL_BITS;
const MAX_COUNT: u32 = 30;
const WEIGHT_LIMIT: i64 = 1 << 20;
const FIRST_WEIGHT: i32 = 1 << 14;
const RATE: i64 = 10;

/// 4096 / (1 + e^-x) for x from -8 to 8 in halves.
const LOGISTIC: [i32; 33] = [
    1, 2, 4, 6, 10, 17, 27, 45, 74, 120, 194, 311, 488, 747, 1102, 1546, 2048, 2550, 2994, 3349,
    3608, 3785, 3902, 3976, 4022, 4051, 4069, 4079, 4086, 4090, 4092, 4094, 4095,
];

/// From the logistic domain to a probability of 12 bits.
const fn squash(value: i32) -> i32 {
    let value = if value > 2047 {
        2047
    } else if value < -2047 {
        -2047
    } else {
        value
    };
    let (index, fraction) = (((value + 2048) >> 7) as usize, (value + 2048) & 127);
    (LOGISTIC[index] * (128 - fraction) + LOGISTIC[index + 1] * fraction + 64) >> 7
}

/// The inverse of [`squash`].
static STRETCH: [i16; 4096] = {
    let mut table = [2047; 4096];
    let mut value = -2047;
    let mut probability = 0;
    while value <= 2047 {
        let reached = squash(value);
        while probability <= reached && probability < 4096 {
            table[probability as usize] = value as i16;
            probability += 1;
        }
        value += 1;
    }
    table
};

/// How fast a cell of this count learns, of 65,536 parts.
static LEARNING: [i64; MAX_COUNT as usize + 1] = {
    let mut table = [0; MAX_COUNT as usize + 1];
    let mut count = 0;
    while count < table.len() {
        table[count] = (2 * 65_536) / (2 * count as i64 + 3);
        count += 1;
    }
    table
};

/// A probability of 16 bits, and from bit 16 on how often it has learnt.
type Cell = u32;
const FRESH_CELL: Cell = 1 << 15;

/// What a chain of dense frames has taught.
pub(crate) struct Model {
    cells: Vec<Cell>,
    weights: Box<[[i32; CONTEXTS]; 256]>,
    /// The fast payload of the frame before.
    former: Vec<u8>,
    coded: Vec<u8>,
}

/// What the model holds for the bit at hand, until it is known.
struct Bit {
    cells: [usize; CONTEXTS],
    inputs: [i32; CONTEXTS],
    probability: i32,
}

impl Model {
    pub fn new() -> Box<Model> {
        Box::new(Model {
            cells: vec![FRESH_CELL; CONTEXTS * CELLS],
            weights: Box::new([[FIRST_WEIGHT; CONTEXTS]; 256]),
            former: Vec::new(),
            coded: Vec::new(),
        })
    }

    /// Forgets all, and keeps the memory.
    pub fn reset(&mut self) {
        self.cells.fill(FRESH_CELL);
        self.weights.fill([FIRST_WEIGHT; CONTEXTS]);
        self.former.clear();
    }

    /// Appends a dense payload that stands for the fast one.
    pub fn encode(&mut self, fast: &[u8], out: &mut Vec<u8>) {
        let mut coded = core::mem::take(&mut self.coded);
        coded.clear();
        let mut coder = Encoder { low: 0, high: u32::MAX, out: &mut coded };
        for index in 0..fast.len() {
            let byte = fast[index];
            let contexts = self.contexts(fast, index);
            let mut partial = 1;
            for shift in (0..8).rev() {
                let is_one = byte >> shift & 1 == 1;
                let bit = self.predict(&contexts, partial);
                coder.code(is_one, bit.probability as u32);
                self.learn(&bit, partial, is_one);
                partial = partial << 1 | usize::from(is_one);
            }
        }
        coder.finish();
        let stored = coded.len() >= fast.len();
        let (digits, length) = varint((fast.len() as u64) << 1 | u64::from(stored));
        out.extend_from_slice(&digits[..length]);
        out.extend_from_slice(if stored { fast } else { &coded });
        self.coded = coded;
        self.remember(fast);
    }

    /// Appends the fast payload that the dense one at `at` of `frame` stands for.
    pub fn decode(&mut self, frame: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut position = at;
        let length = read_varint(frame, &mut position)?;
        let (stored, length, most) = (length & 1 == 1, length >> 1, MAX_PAYLOAD_BYTES as u64);
        if length > most {
            return Err(Fault::new(Reason::FastLength, at, length, most));
        }
        let (length, rest, base) = (length as usize, &frame[position..], out.len());
        if stored && rest.len() != length {
            let (found, expected) = (rest.len() as u64, length as u64);
            return Err(Fault::new(Reason::FastLength, position, found, expected));
        }
        out.reserve(length);
        let mut coder = Decoder::new(rest);
        for index in 0..length {
            let contexts = self.contexts(&out[base..], index);
            let mut partial = 1;
            for shift in (0..8).rev() {
                let bit = self.predict(&contexts, partial);
                let is_one = if stored {
                    rest[index] >> shift & 1 == 1
                } else {
                    coder.code(bit.probability as u32)
                };
                self.learn(&bit, partial, is_one);
                partial = partial << 1 | usize::from(is_one);
            }
            out.push(partial as u8);
            // What is cut short is refused at once: zeros behind it could stand for a megabyte.
            if !stored && coder.shifted > rest.len() {
                return Err(Fault::new(Reason::Coded, position, rest.len() as u64, 0));
            }
        }
        if !stored && rest.len() > coder.shifted + 4 {
            let (found, most) = (rest.len() as u64, coder.shifted as u64 + 4);
            return Err(Fault::new(Reason::Coded, position, found, most));
        }
        let (_, fast) = out.split_at(base);
        self.remember(fast);
        Ok(())
    }

    fn remember(&mut self, fast: &[u8]) {
        self.former.clear();
        self.former.extend_from_slice(fast);
    }

    /// The contexts of the byte at `index`; the bytes before it are known.
    fn contexts(&self, fast: &[u8], index: usize) -> [u32; CONTEXTS] {
        let before = |back: usize| match index.checked_sub(back) {
            Some(at) => u32::from(fast[at]),
            None => 0,
        };
        let former = |at: usize| self.former.get(at).map_or(0, |&byte| u32::from(byte));
        let one = before(1);
        let two = one | before(2) << 8;
        let three = two | before(3) << 16;
        let four = three | before(4) << 24;
        let six =
            four.wrapping_mul(0x2f0b_4c47).wrapping_add(before(5)).wrapping_add(before(6) << 8);
        let place = index.min(255) as u32 | former(index) << 8 | former(index + 1) << 16;
        let mut number = 0;
        [one, two, three, four, six, place].map(|context| {
            number += 1;
            (context.wrapping_add(1))
                .wrapping_mul(0x9e37_79b1)
                .wrapping_add(0x85eb_ca6b_u32.wrapping_mul(number))
        })
    }

    fn predict(&self, contexts: &[u32; CONTEXTS], partial: usize) -> Bit {
        let step = (partial as u32).wrapping_mul(0xc2b2_ae35);
        let weights = &self.weights[partial & 255];
        let mut bit = Bit { cells: [0; CONTEXTS], inputs: [0; CONTEXTS], probability: 0 };
        let mut sum = 0i64;
        for number in 0..CONTEXTS {
            let hash = contexts[number].wrapping_add(step).wrapping_mul(0x2c1b_3c6d);
            let cell = number << CELL_BITS | (hash >> (32 - CELL_BITS)) as usize;
            let input = i32::from(STRETCH[(self.cells[cell] as u16 >> 4) as usize]);
            (bit.cells[number], bit.inputs[number]) = (cell, input);
            sum += i64::from(input) * i64::from(weights[number]);
        }
        bit.probability = squash((sum >> 16).clamp(-2047, 2047) as i32).clamp(1, 4095);
        bit
    }

    fn learn(&mut self, bit: &Bit, partial: usize, is_one: bool) {
        let error = (if is_one { 4096 } else { 0 } - i64::from(bit.probability)) * RATE;
        let weights = &mut self.weights[partial & 255];
        for (weight, &input) in weights.iter_mut().zip(&bit.inputs) {
            let change = (i64::from(input) * error + (1 << 15)) >> 16;
            *weight = (i64::from(*weight) + change).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
        }
        let target = if is_one { 65_535 } else { 0 };
        for &at in &bit.cells {
            let (probability, count) = (i64::from(self.cells[at] & 0xffff), self.cells[at] >> 16);
            let learnt = probability + (((target - probability) * LEARNING[count as usize]) >> 16);
            self.cells[at] = learnt as u32 | (count + 1).min(MAX_COUNT) << 16;
        }
    }
}

struct Encoder<'a> {
    low: u32,
    high: u32,
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    fn code(&mut self, is_one: bool, probability: u32) {
        let middle = self.low + ((self.high - self.low) >> 12) * probability;
        if is_one {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.out.push((self.high >> 24) as u8);
            (self.low, self.high) = (self.low << 8, self.high << 8 | 0xff);
        }
    }

    /// As few bytes as it takes.
    fn finish(self) {
        for bytes in 0..=4 {
            let kept = if bytes == 0 { 0 } else { u32::MAX << (32 - 8 * bytes) };
            let number = self.low.checked_add(!kept).map_or(u64::MAX, |up| u64::from(up & kept));
            if (u64::from(self.low)..=u64::from(self.high)).contains(&number) {
                self.out.extend_from_slice(&(number as u32).to_be_bytes()[..bytes]);
                return;
            }
        }
    }
}

struct Decoder<'a> {
    low: u32,
    high: u32,
    number: u32,
    bytes: &'a [u8],
    /// How many bytes the encoder had put out when it coded what comes next.
    shifted: usize,
}

impl Decoder<'_> {
    fn new(bytes: &[u8]) -> Decoder<'_> {
        let mut decoder = Decoder { low: 0, high: u32::MAX, number: 0, bytes, shifted: 0 };
        for at in 0..4 {
            decoder.number = decoder.number << 8 | decoder.byte(at);
        }
        decoder
    }

    fn byte(&self, at: usize) -> u32 {
        self.bytes.get(at).map_or(0, |&byte| byte.into())
    }

    fn code(&mut self, probability: u32) -> bool {
        let middle = self.low + ((self.high - self.low) >> 12) * probability;
        let is_one = self.number <= middle;
        if is_one {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            (self.low, self.high) = (self.low << 8, self.high << 8 | 0xff);
            self.number = self.number << 8 | self.byte(self.shifted + 4);
            self.shifted += 1;
        }
        is_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretch_undoes_squash() {
        for probability in 2..4096 {
            let value = i32::from(STRETCH[probability as usize]);
            assert!(squash(value) >= probability && squash(value - 1) < probability, "{value}");
        }
    }

    #[test]
    fn the_same_bytes_come_back_and_what_repeats_shrinks() {
        let (mut one, mut other) = (Model::new(), Model::new());
        let mut sizes = Vec::new();
        for round in 0..20u8 {
            let mut fast: Vec<u8> = (0..200).map(|at| (at as u8).wrapping_mul(37)).collect();
            fast[3] = round;
            let mut dense = Vec::new();
            one.encode(&fast, &mut dense);
            let mut back = Vec::new();
            other.decode(&dense, 0, &mut back).expect("what was just encoded");
            assert_eq!(back, fast);
            sizes.push(dense.len());
        }
        assert!(sizes[0] <= 202 && sizes[19] < 20, "{sizes:?}");
    }
}
