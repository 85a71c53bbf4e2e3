//! The work of the spin guest: arithmetic over a working set, whose result anybody can compute who knows the
//! parameters (tests/support/spin.ts does). This library is the pure part; main.rs runs it in a machine.
//!
//! # The work
//!
//! The working set is P pages of 1024 words of 32 bits, all zero at first. The state besides: x, 32 bits, seed or 1
//! if that is 0; y, a double, 0.5; c, 32 bits, 0x811c9dc5. All arithmetic on words wraps. Round r (from 0):
//!
//! 1. W times: `x ^= x << 13; x ^= x >> 17; x ^= x << 5; y = y * 0.75 + x as f64`.
//! 2. For each word w of page r mod P, in order, with its index i: `c = rotate_left((c ^ w) * 0x01000193, 5)`, and
//!    the word becomes `rotate_left(w, 7) ^ (x + i)`.
//! 3. The low and then the high 32 bits of y's are folded into c: `c = rotate_left((c ^ v) * 0x01000193, 5)`.
//!
//! c after r rounds is the running checksum. The result is c once every word of the working set has been folded
//! in besides, page by page: so it tells of every page, also of those that were written long ago.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

use alloc::{vec, vec::Vec};

/// Bytes of a page.
pub const PAGE_BYTES: usize = 4096;
const PAGE_WORDS: usize = PAGE_BYTES / size_of::<u32>();
const PRIME: u32 = 0x0100_0193;

/// The state of a run.
pub struct Work {
    memory: Vec<u32>,
    x: u32,
    y: f64,
    checksum: u32,
    rounds: u64,
}

impl Work {
    /// A run over `pages` pages, at least one.
    pub fn new(seed: u32, pages: usize) -> Self {
        Self {
            memory: vec![0; pages * PAGE_WORDS],
            x: seed.max(1),
            y: 0.5,
            checksum: 0x811c_9dc5,
            rounds: 0,
        }
    }

    /// So many of a round's first steps. A round may take them in pieces, and then ends with [`Self::write`].
    pub fn compute(&mut self, steps: u32) {
        let (mut x, mut y) = (self.x, self.y);
        for _ in 0..steps {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            y = y * 0.75 + f64::from(x);
        }
        (self.x, self.y) = (x, y);
    }

    /// The rest of a round: its page, and y.
    pub fn write(&mut self) {
        let pages = (self.memory.len() / PAGE_WORDS) as u64;
        let start = (self.rounds % pages) as usize * PAGE_WORDS;
        let mut checksum = self.checksum;
        for (index, word) in self.memory[start..start + PAGE_WORDS].iter_mut().enumerate() {
            checksum = fold(checksum, *word);
            *word = word.rotate_left(7) ^ self.x.wrapping_add(index as u32);
        }
        let bits = self.y.to_bits();
        self.checksum = fold(fold(checksum, bits as u32), (bits >> 32) as u32);
        self.rounds += 1;
    }

    /// Rounds that are whole.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The running checksum after [`Self::rounds`].
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// The result after [`Self::rounds`].
    pub fn result(&self) -> u32 {
        self.memory.iter().fold(self.checksum, |checksum, &word| fold(checksum, word))
    }
}

fn fold(checksum: u32, value: u32) -> u32 {
    (checksum ^ value).wrapping_mul(PRIME).rotate_left(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u32, pages: usize, steps: u32, rounds: u64) -> Work {
        let mut work = Work::new(seed, pages);
        for _ in 0..rounds {
            work.compute(steps);
            work.write();
        }
        work
    }

    #[test]
    fn a_round_may_be_computed_in_pieces() {
        let whole = run(7, 3, 100, 10);
        let mut pieces = Work::new(7, 3);
        for _ in 0..10 {
            for steps in [1, 0, 60, 39] {
                pieces.compute(steps);
            }
            pieces.write();
        }
        assert_eq!(pieces.checksum(), whole.checksum());
        assert_eq!(pieces.result(), whole.result());
    }

    #[test]
    fn every_parameter_and_every_word_counts() {
        let result = run(7, 3, 100, 10).result();
        for other in
            [run(8, 3, 100, 10), run(7, 4, 100, 10), run(7, 3, 101, 10), run(7, 3, 100, 11)]
        {
            assert_ne!(other.result(), result);
        }
        let mut altered = run(7, 3, 100, 10);
        let last = altered.memory.len() - 1;
        altered.memory[last] ^= 1;
        assert_ne!(altered.result(), result);
    }

    #[test]
    fn the_numbers_that_the_other_implementation_has() {
        let work = run(1, 4, 1000, 100);
        assert_eq!((work.checksum(), work.result()), (0x4fc4_9068, 0x80d8_689a));
    }
}
