//! Text in memory of its own, for what is written before its length is known.

use core::fmt;

/// At most `MAX` bytes of text.
pub(crate) struct Text<const MAX: usize> {
    bytes: [u8; MAX],
    length: usize,
}

impl<const MAX: usize> Text<MAX> {
    /// None yet.
    pub fn new() -> Self {
        Self { bytes: [0; MAX], length: 0 }
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Appends all of the bytes or, if there is no room for them, none and fails.
    pub fn append(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.length + bytes.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }
}

impl<const MAX: usize> fmt::Write for Text<MAX> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text.as_bytes())
    }
}
