//! Reading a frame from front to end: whatever is taken is there, or a fault says where it ends.
//! `frame`, `decode`, `form` and `network` read with it.

use crate::fault::{Fault, Reason};
use crate::varint::read_varint;

/// Where reading a frame stands.
pub(crate) struct Cursor<'a> {
    frame: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at `at`, which lies in the frame or at its end.
    pub fn new(frame: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { frame, at }
    }

    /// How many bytes of the frame lie before what is taken next.
    pub fn at(&self) -> usize {
        self.at
    }

    /// How many are left.
    pub fn left(&self) -> usize {
        self.frame.len() - self.at
    }

    /// A fault of what is taken next.
    pub fn fault(&self, reason: Reason, found: u64, expected: u64) -> Fault {
        Fault::new(reason, self.at, found, expected)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Fault> {
        let Some(&byte) = self.frame.get(self.at) else {
            return Err(self.fault(Reason::Truncated, 0, 0));
        };
        self.at += 1;
        Ok(byte)
    }

    pub fn array<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Fault> {
        let Some(bytes) = self.frame.get(self.at..).and_then(|rest| rest.first_chunk()) else {
            return Err(self.fault(Reason::Truncated, 0, 0));
        };
        self.at += BYTES;
        Ok(*bytes)
    }

    /// So many bytes; any number may be asked for.
    #[inline]
    pub fn bytes(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let rest = &self.frame[self.at..];
        let Some(taken) = usize::try_from(count).ok().and_then(|count| rest.get(..count)) else {
            return Err(self.fault(Reason::Truncated, 0, 0));
        };
        self.at += taken.len();
        Ok(taken)
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Fault> {
        read_varint(self.frame, &mut self.at)
    }

    /// A varint of at most 2^32 - 1.
    pub fn varint_u32(&mut self) -> Result<u32, Fault> {
        let at = self.at;
        let (value, most) = (self.varint()?, u64::from(u32::MAX));
        u32::try_from(value).map_err(|_| Fault::new(Reason::Unsafe, at, value, most))
    }
}
