//! Variable-length integers: LEB128, seven bits a byte, at most 2^53 - 1, shortest form only.

use alloc::vec::Vec;

use crate::MAX_SAFE_INTEGER;
use crate::fault::{Fault, Reason};

/// The longest varint: 53 bits in groups of seven.
pub const MAX_VARINT_BYTES: usize = 8;

/// A varint in a fixed array, and how many bytes of it are used.
pub fn varint(mut value: u64) -> ([u8; MAX_VARINT_BYTES], usize) {
    debug_assert!(value <= MAX_SAFE_INTEGER);
    let mut bytes = [0; MAX_VARINT_BYTES];
    let mut length = 0;
    loop {
        let group = (value & 0x7f) as u8;
        value >>= 7;
        bytes[length] = if value == 0 { group } else { group | 0x80 };
        length += 1;
        if value == 0 || length == MAX_VARINT_BYTES {
            return (bytes, length);
        }
    }
}

/// Appends a varint.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, value: u64) {
    let (digits, length) = varint(value);
    out.extend_from_slice(&digits[..length]);
}

/// Reads the varint at `*offset` of `bytes` and moves the offset behind it.
pub fn read_varint(bytes: &[u8], offset: &mut usize) -> Result<u64, Fault> {
    let start = *offset;
    let mut value = 0u64;
    for index in 0..MAX_VARINT_BYTES {
        let Some(&byte) = bytes.get(start + index) else {
            return Err(Fault::new(Reason::Truncated, start, 0, 0));
        };
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            if byte == 0 && index > 0 {
                return Err(Fault::new(Reason::Overlong, start, value, 0));
            }
            if value > MAX_SAFE_INTEGER {
                return Err(Fault::new(Reason::Unsafe, start, value, MAX_SAFE_INTEGER));
            }
            *offset = start + index + 1;
            return Ok(value);
        }
    }
    Err(Fault::new(Reason::Unsafe, start, value, MAX_SAFE_INTEGER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(u64, usize), Reason> {
        let mut offset = 0;
        match read_varint(bytes, &mut offset) {
            Ok(value) => Ok((value, offset)),
            Err(fault) => Err(fault.reason),
        }
    }

    #[test]
    fn every_length_comes_back_as_it_went() {
        for bits in 0..=53 {
            for value in [(1u64 << bits) - 1, (1 << bits).min(MAX_SAFE_INTEGER)] {
                let (bytes, length) = varint(value);
                assert_eq!(read(&bytes[..length]), Ok((value, length)));
            }
        }
    }

    #[test]
    fn only_the_shortest_form_is_read() {
        assert_eq!(read(&[0x80, 0x00]), Err(Reason::Overlong));
        assert_eq!(read(&[0xff, 0x80, 0x00]), Err(Reason::Overlong));
        assert_eq!(read(&[0x00]), Ok((0, 1)));
    }

    #[test]
    fn what_is_too_large_or_cut_off_is_refused() {
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(read(&most), Ok((MAX_SAFE_INTEGER, 8)));
        let mut more = most;
        more[7] = 0x10;
        assert_eq!(read(&more), Err(Reason::Unsafe));
        assert_eq!(read(&[0xff; 20]), Err(Reason::Unsafe));
        for cut in 0..most.len() {
            assert_eq!(read(&most[..cut]), Err(Reason::Truncated));
        }
    }
}
