//! The model behind the level `dense`: how probable it is that a payload's next bit is 1. Six contexts
//! and the longest match say so, each by what came there before, and are mixed by how right they were.
//! docs/LOG-FORMAT.md specifies it; its kind is that of Mahoney, "Adaptive Weighing of Context Models
//! for Lossless Data Compression" (2005).
//!
//! Integers only: both ends have to come to the same probability, whatever machine they run on.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::matches::{MAX_LENGTH, Matches};

const CONTEXTS: usize = 6;
/// The contexts, and the match.
const INPUTS: usize = CONTEXTS + 1;
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
#[derive(Clone, Copy)]
struct Cell(u32);

impl Cell {
    /// Nothing learnt yet.
    const FRESH: Cell = Cell(1 << 15);

    /// The probability in the logistic domain.
    fn stretched(self) -> i32 {
        STRETCH[(self.0 as u16 >> 4) as usize].into()
    }

    fn learn(&mut self, is_one: bool) {
        let (probability, count) = (i64::from(self.0 & 0xffff), self.0 >> 16);
        let target = if is_one { 65_535 } else { 0 };
        let learnt = probability + (((target - probability) * LEARNING[count as usize]) >> 16);
        *self = Cell(learnt as u32 | (count + 1).min(MAX_COUNT) << 16);
    }
}

/// What a chain of dense frames has taught.
pub(crate) struct Model {
    cells: Vec<Cell>,
    weights: Box<[[[i32; INPUTS]; 256]; 2]>,
    matches: Matches,
    /// By the match's length: whether what it says comes true.
    match_cells: [Cell; MAX_LENGTH + 1],
    /// The fast payload of the frame before.
    former: Vec<u8>,
}

/// What holds for one byte of a payload.
pub(crate) struct Place {
    contexts: [u32; CONTEXTS],
    /// The byte that the longest match says comes now.
    expected: Option<u8>,
}

/// What the model says of one bit.
pub(crate) struct Bit {
    /// That it is 1, of 4,096 parts.
    pub probability: u32,
    partial: usize,
    cells: [usize; CONTEXTS],
    inputs: [i32; INPUTS],
    /// The bit of the byte that the match says, as long as that was right.
    expected: Option<bool>,
}

impl Model {
    pub fn new() -> Model {
        Model {
            cells: vec![Cell::FRESH; CONTEXTS * CELLS],
            weights: Box::new([[[FIRST_WEIGHT; INPUTS]; 256]; 2]),
            matches: Matches::new(),
            match_cells: [Cell::FRESH; MAX_LENGTH + 1],
            former: Vec::new(),
        }
    }

    /// Forgets all, and keeps the memory.
    pub fn reset(&mut self) {
        self.cells.fill(Cell::FRESH);
        self.weights.fill([[FIRST_WEIGHT; INPUTS]; 256]);
        self.matches.reset();
        self.match_cells.fill(Cell::FRESH);
        self.former.clear();
    }

    /// Takes in that a payload is over.
    pub fn end(&mut self, fast: &[u8]) {
        self.former.clear();
        self.former.extend_from_slice(fast);
    }

    /// What holds for the byte at `index` of a payload; the bytes before it are known.
    pub fn place(&self, fast: &[u8], index: usize) -> Place {
        Place { contexts: self.contexts(fast, index), expected: self.matches.expected() }
    }

    /// Takes in a byte whose bits have all been learnt.
    pub fn byte(&mut self, byte: u8) {
        self.matches.byte(byte);
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

    /// What is to be expected of the bit after those of `partial`, which have a 1 in front.
    pub fn predict(&self, place: &Place, partial: usize) -> Bit {
        let step = (partial as u32).wrapping_mul(0xc2b2_ae35);
        let expected = place.expected.and_then(|byte| {
            let left = partial.leading_zeros() - (usize::BITS - 8);
            let bits = usize::from(byte) | 0x100;
            (bits >> (left + 1) == partial).then_some(bits >> left & 1 == 1)
        });
        let mut bit =
            Bit { probability: 0, partial, cells: [0; CONTEXTS], inputs: [0; INPUTS], expected };
        for number in 0..CONTEXTS {
            let hash = place.contexts[number].wrapping_add(step).wrapping_mul(0x2c1b_3c6d);
            let cell = number << CELL_BITS | (hash >> (32 - CELL_BITS)) as usize;
            (bit.cells[number], bit.inputs[number]) = (cell, self.cells[cell].stretched());
        }
        if let Some(is_one) = expected {
            let trust = self.match_cells[self.matches.length()].stretched();
            bit.inputs[CONTEXTS] = if is_one { trust } else { -trust };
        }
        let weights = &self.weights[usize::from(expected.is_some())][partial & 255];
        let sum: i64 =
            weights.iter().zip(&bit.inputs).map(|(&w, &s)| i64::from(w) * i64::from(s)).sum();
        let value = (sum >> 16).clamp(-2047, 2047) as i32;
        bit.probability = squash(value).clamp(1, 4095) as u32;
        bit
    }

    /// Takes in what the bit was.
    pub fn learn(&mut self, bit: &Bit, is_one: bool) {
        let error = (if is_one { 4096 } else { 0 } - i64::from(bit.probability)) * RATE;
        let set = usize::from(bit.expected.is_some());
        for (weight, &input) in self.weights[set][bit.partial & 255].iter_mut().zip(&bit.inputs) {
            let change = (i64::from(input) * error + (1 << 15)) >> 16;
            *weight = (i64::from(*weight) + change).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
        }
        for &cell in &bit.cells {
            self.cells[cell].learn(is_one);
        }
        if let Some(expected) = bit.expected {
            self.match_cells[self.matches.length()].learn(expected == is_one);
        }
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
}
