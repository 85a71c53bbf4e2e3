//! Where in a chain's last payloads the bytes before the next one occurred before: what came there
//! comes again, probably.

use alloc::boxed::Box;
use alloc::vec;

/// Bytes that are kept.
const HISTORY_BYTES: usize = 1 << 20;
/// After so many all is forgotten, so that they can be counted in 32 bits for as long as a chain goes on.
const MAX_COUNT: usize = 1 << 24;
const TABLE_BITS: u32 = 16;
/// A match is looked for by so many bytes.
const MIN_LENGTH: usize = 5;
/// Longer matches count as this long.
pub(crate) const MAX_LENGTH: usize = 32;

/// See the top of the file.
pub(crate) struct Matches {
    history: Box<[u8]>,
    /// By a hash of the last bytes: how many bytes there had been when they came.
    table: Box<[u32]>,
    /// How many bytes there have been.
    count: usize,
    /// The byte that the match says: so many had come before it.
    at: usize,
    /// 0: there is no match.
    length: usize,
}

impl Matches {
    pub fn new() -> Matches {
        Matches {
            history: vec![0; HISTORY_BYTES].into_boxed_slice(),
            table: vec![0; 1 << TABLE_BITS].into_boxed_slice(),
            count: 0,
            at: 0,
            length: 0,
        }
    }

    /// Forgets all, and keeps the memory.
    pub fn reset(&mut self) {
        self.table.fill(0);
        (self.count, self.at, self.length) = (0, 0, 0);
    }

    /// How long the match is; 0 without one.
    pub fn length(&self) -> usize {
        self.length.min(MAX_LENGTH)
    }

    /// The byte that comes next, if there is a match.
    pub fn expected(&self) -> Option<u8> {
        (self.length > 0).then(|| self.kept(self.at))
    }

    /// Takes in the next byte.
    pub fn byte(&mut self, byte: u8) {
        if self.count == MAX_COUNT {
            self.reset();
        }
        let is_right = self.expected() == Some(byte);
        self.history[self.count % HISTORY_BYTES] = byte;
        self.count += 1;
        (self.at, self.length) =
            if is_right { (self.at + 1, (self.length + 1).min(MAX_LENGTH)) } else { (0, 0) };
        if self.count < MIN_LENGTH {
            return;
        }
        let before = |back: usize| u32::from(self.kept(self.count - back));
        let four = before(1) | before(2) << 8 | before(3) << 16 | before(4) << 24;
        let hash = four
            .wrapping_mul(0x9e37_79b1)
            .wrapping_add(before(5).wrapping_mul(0x85eb_ca6b))
            .wrapping_mul(0x2c1b_3c6d);
        let place = (hash >> (32 - TABLE_BITS)) as usize;
        let last = self.table[place] as usize;
        self.table[place] = self.count as u32;
        // What is older than the history has been overwritten; so will be the oldest byte, soon.
        if self.length == 0 && last > 0 && self.count - last < HISTORY_BYTES - MAX_LENGTH {
            self.length = (1..=MAX_LENGTH.min(last))
                .take_while(|back| self.kept(last - back) == self.kept(self.count - back))
                .count();
            self.at = last;
        }
    }

    /// The byte before which there had been so many.
    fn kept(&self, at: usize) -> u8 {
        self.history[at % HISTORY_BYTES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_is_expected_again_until_all_is_forgotten() {
        let mut matches = Matches::new();
        for round in 0..MAX_COUNT / 8 {
            let is_known = round > 1;
            assert_eq!(matches.expected(), is_known.then_some(b'a'), "round {round}");
            for byte in *b"abcdefgh" {
                matches.byte(byte);
            }
        }
        assert_eq!(matches.expected(), Some(b'a'));
        matches.byte(b'a');
        assert_eq!(matches.expected(), None);
    }
}
