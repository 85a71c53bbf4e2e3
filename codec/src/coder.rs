//! The coder behind the level `dense`: binary arithmetic coding, after which bytes are as many as the
//! model's surprise.

use alloc::vec::Vec;

/// Bits go in, bytes come out.
pub(crate) struct Encoder<'a> {
    low: u32,
    high: u32,
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    /// Nothing is coded yet; bytes are appended to `out`.
    pub fn new(out: &mut Vec<u8>) -> Encoder<'_> {
        Encoder { low: 0, high: u32::MAX, out }
    }

    /// Codes a bit that is 1 with a probability of 4,096 parts.
    pub fn code(&mut self, is_one: bool, probability: u32) {
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

    /// The end, in as few bytes as it takes.
    pub fn finish(self) {
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

/// Bytes go in, bits come out.
pub(crate) struct Decoder<'a> {
    low: u32,
    high: u32,
    number: u32,
    bytes: &'a [u8],
    /// How many bytes the encoder had put out when it coded what comes next.
    pub shifted: usize,
}

impl Decoder<'_> {
    /// At the first bit.
    pub fn new(bytes: &[u8]) -> Decoder<'_> {
        let mut decoder = Decoder { low: 0, high: u32::MAX, number: 0, bytes, shifted: 0 };
        for at in 0..4 {
            decoder.number = decoder.number << 8 | decoder.byte(at);
        }
        decoder
    }

    fn byte(&self, at: usize) -> u32 {
        self.bytes.get(at).map_or(0, |&byte| byte.into())
    }

    /// The next bit, which is 1 with a probability of 4,096 parts.
    pub fn code(&mut self, probability: u32) -> bool {
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
