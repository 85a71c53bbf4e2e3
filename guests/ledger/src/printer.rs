//! Lines with their numbers and the checksum chain.

use core::fmt::{self, Arguments, Display, Write};

/// Longest line, in bytes: 1024 of an escaped request, the rest of numbers and words.
const LINE_MAX: usize = 1280;

/// FNV-1a, 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Chain(u32);

impl Default for Chain {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Chain {
    pub fn fold(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    pub fn value(self) -> u32 {
        self.0
    }
}

/// A line being written.
struct Text {
    bytes: [u8; LINE_MAX],
    length: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A request as it is echoed.
struct Escaped<'a>(&'a [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0 {
            match byte {
                b'\\' => f.write_str("\\\\")?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

/// Numbers the lines and keeps the chain.
pub(crate) struct Printer {
    chain: Chain,
    number: u64,
    text: Text,
}

impl Default for Printer {
    fn default() -> Self {
        Self { chain: Chain::default(), number: 0, text: Text { bytes: [0; LINE_MAX], length: 0 } }
    }
}

impl Printer {
    /// A line that no request caused.
    pub fn line(&mut self, kind: &str, rest: Arguments) -> &[u8] {
        self.number += 1;
        let number = self.number;
        self.compose(format_args!("{number} {kind} {rest} "));
        self.chain.fold(&self.text.bytes[..self.text.length]);
        let start = self.text.length;
        self.append(format_args!("~{:08x}\n", self.chain.value()));
        debug_assert_eq!(self.text.length, start + 10);
        &self.text.bytes[..self.text.length]
    }

    /// A line that answers a request, which is folded in first.
    pub fn reply(&mut self, kind: &str, request: &[u8], result: impl Display) -> &[u8] {
        let request = Escaped(request);
        self.compose(format_args!("{request}\n"));
        self.chain.fold(&self.text.bytes[..self.text.length]);
        self.line(kind, format_args!("{request} => {result}"))
    }

    fn compose(&mut self, text: Arguments) {
        self.text.length = 0;
        self.append(text);
    }

    /// A line always fits: its parts are bounded.
    fn append(&mut self, text: Arguments) {
        self.text.write_fmt(text).expect("a line fits");
    }
}
