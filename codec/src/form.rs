//! How an event's bytes are written: the number in front of them, and blocks of LZ4.
//! docs/LOG-FORMAT.md, "Bytes", specifies it; `encode`, `decode` and `network` use it.

use alloc::vec::Vec;

use lz4_flex::block::{
    compress_into_with_dict, decompress_into_with_dict, get_maximum_output_size,
};

use crate::cursor::Cursor;
use crate::fault::{Fault, Reason};
use crate::varint::{MAX_VARINT_BYTES, varint};

/// Of fewer bytes LZ4 makes no match: none begins in a block's last twelve.
const LEAST_TRIED_BYTES: usize = 13;

/// What stands in front of an event's bytes, if they are so many that something does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// They follow as they are.
    Stored,
    /// They are a network frame; what the last one of its flow does not say follows.
    Network,
    /// A block of LZ4 follows.
    Packed(BlockBytes),
}

/// How many bytes a block has: more than the numbers of the other forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockBytes(u64);

impl BlockBytes {
    fn of(length: usize) -> Option<BlockBytes> {
        match Form::of_number(length as u64) {
            Form::Packed(block) => Some(block),
            Form::Stored | Form::Network => None,
        }
    }

    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Form {
    pub const fn number(self) -> u64 {
        match self {
            Form::Stored => 0,
            Form::Network => 1,
            Form::Packed(block) => block.get(),
        }
    }

    pub const fn of_number(number: u64) -> Form {
        match number {
            0 => Form::Stored,
            1 => Form::Network,
            length => Form::Packed(BlockBytes(length)),
        }
    }
}

/// Appends `bytes` as a block with its length in front, if that takes fewer than they are; returns
/// whether it does.
pub(crate) fn push_block(out: &mut Vec<u8>, bytes: &[u8], dictionary: &[u8]) -> bool {
    if bytes.len() < LEAST_TRIED_BYTES {
        return false;
    }
    let at = out.len();
    let block_at = at + MAX_VARINT_BYTES;
    out.resize(block_at + get_maximum_output_size(bytes.len()), 0);
    let made = compress_into_with_dict(bytes, &mut out[block_at..], dictionary).unwrap_or(0);
    if let Some(block) = BlockBytes::of(made) {
        let (digits, length) = varint(Form::Packed(block).number());
        if length + made < bytes.len() {
            out[at..at + length].copy_from_slice(&digits[..length]);
            out.copy_within(block_at..block_at + made, at + length);
            out.truncate(at + length + made);
            return true;
        }
    }
    out.truncate(at);
    false
}

/// Reads a block of so many bytes into `place`, which it has to fill.
pub(crate) fn read_block(
    cursor: &mut Cursor,
    block_bytes: u64,
    place: &mut [u8],
    dictionary: &[u8],
) -> Result<(), Fault> {
    let at = cursor.at();
    let block = cursor.bytes(block_bytes)?;
    match decompress_into_with_dict(block, place, dictionary) {
        Ok(unpacked) if unpacked == place.len() => Ok(()),
        Ok(unpacked) => {
            let (found, expected) = (unpacked as u64, place.len() as u64);
            Err(Fault::new(Reason::UnpackedLength, at, found, expected))
        }
        Err(_) => Err(Fault::new(Reason::Packed, at, 0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_that_of_one_form() {
        for number in [0, 1, 2, 3, 127, 4096, u64::from(u32::MAX) + 1, crate::MAX_SAFE_INTEGER] {
            assert_eq!(Form::of_number(number).number(), number);
        }
        assert_eq!(Form::of_number(0), Form::Stored);
        assert_eq!(Form::of_number(1), Form::Network);
    }

    #[test]
    fn a_block_is_never_so_short_that_it_would_be_another_form() {
        assert_eq!(BlockBytes::of(0), None);
        assert_eq!(BlockBytes::of(1), None);
        assert_eq!(BlockBytes::of(2).map(|block| Form::Packed(block).number()), Some(2));
    }

    #[test]
    fn a_block_comes_back_whatever_its_dictionary_and_what_does_not_shrink_is_not_made() {
        let text = b"what is said twice is said twice is said once, and said at once";
        for known in 0..text.len() {
            for length in 0..text.len() {
                let (bytes, dictionary) = (&text[..length], &text[..known]);
                let mut out = Vec::from(*b"before");
                if !push_block(&mut out, bytes, dictionary) {
                    assert_eq!(out, b"before");
                    continue;
                }
                assert!(out.len() - 6 < length);
                let mut cursor = Cursor::new(&out, 6);
                let block_bytes = cursor.varint().expect("a length");
                let mut back = alloc::vec![0; length];
                read_block(&mut cursor, block_bytes, &mut back, dictionary).expect("a block");
                assert_eq!((&back[..], cursor.left()), (bytes, 0));
            }
        }
    }
}
