//! The level `dense`: the bytes of a fast payload, coded bit by bit by what a model says of each.
//! docs/LOG-FORMAT.md specifies it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::coder::{Decoder, Encoder};
use crate::fault::{Fault, Reason};
use crate::frame::MAX_PAYLOAD_BYTES;
use crate::model::Model;
use crate::varint::{push_varint, read_varint};

/// Codes a chain's payloads, or decodes them.
pub(crate) struct Dense {
    model: Model,
    coded: Vec<u8>,
}

impl Dense {
    pub fn new() -> Box<Dense> {
        Box::new(Dense { model: Model::new(), coded: Vec::new() })
    }

    /// Forgets all, and keeps the memory.
    pub fn reset(&mut self) {
        self.model.reset();
    }

    /// Appends a dense payload that stands for the fast one.
    pub fn encode(&mut self, fast: &[u8], out: &mut Vec<u8>) {
        self.coded.clear();
        let mut coder = Encoder::new(&mut self.coded);
        for (index, &byte) in fast.iter().enumerate() {
            let place = self.model.place(fast, index);
            let mut partial = 1;
            for shift in (0..8).rev() {
                let is_one = byte >> shift & 1 == 1;
                let bit = self.model.predict(&place, partial);
                coder.code(is_one, bit.probability);
                self.model.learn(&bit, is_one);
                partial = partial << 1 | usize::from(is_one);
            }
            self.model.byte(byte);
        }
        coder.finish();
        self.model.end(fast);
        let stored = self.coded.len() >= fast.len();
        push_varint(out, (fast.len() as u64) << 1 | u64::from(stored));
        out.extend_from_slice(if stored { fast } else { &self.coded });
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
            let place = self.model.place(&out[base..], index);
            let mut partial = 1;
            for shift in (0..8).rev() {
                let bit = self.model.predict(&place, partial);
                let is_one = if stored {
                    rest[index] >> shift & 1 == 1
                } else {
                    coder.code(bit.probability)
                };
                self.model.learn(&bit, is_one);
                partial = partial << 1 | usize::from(is_one);
            }
            self.model.byte(partial as u8);
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
        self.model.end(&out[base..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_same_bytes_come_back_and_what_repeats_shrinks() {
        let (mut one, mut other) = (Dense::new(), Dense::new());
        let mut sizes = Vec::new();
        let mut noise = 1u32;
        let noisy: Vec<u8> = core::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .take(5000)
        .collect();
        for round in 0..20u8 {
            let mut fast = noisy.clone();
            fast[3] = round;
            fast.rotate_left(usize::from(round) * 10);
            let mut dense = Vec::new();
            one.encode(&fast, &mut dense);
            let mut back = Vec::new();
            other.decode(&dense, 0, &mut back).expect("what was just encoded");
            assert_eq!(back, fast);
            sizes.push(dense.len());
        }
        assert!(sizes[0] <= 5003 && sizes[19] < 150, "{sizes:?}");
    }
}
