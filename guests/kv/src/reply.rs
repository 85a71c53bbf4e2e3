//! Replies in RESP2, written into memory that is taken once.

use crate::limits::{QUOTE_MAX, REPLY_MAX};
use alloc::vec::Vec;
use core::fmt::{self, Arguments, Write};

/// The reply to one command.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Write for Reply {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.raw(text.as_bytes());
        Ok(())
    }
}

impl Reply {
    /// An empty one.
    pub fn new() -> Self {
        Self { bytes: Vec::with_capacity(REPLY_MAX), is_too_long: false }
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.is_too_long = false;
    }

    /// The reply; an error instead of one that is too long.
    pub fn finish(&mut self) -> &[u8] {
        if self.is_too_long {
            self.clear();
            self.error("ERR reply longer than 262144 bytes");
        }
        &self.bytes
    }

    /// `+TEXT`.
    pub fn simple(&mut self, text: &str) {
        self.format(format_args!("+{text}\r\n"));
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.simple("OK");
    }

    /// `-KIND TEXT`.
    pub fn error(&mut self, text: &str) {
        self.format(format_args!("-{text}\r\n"));
    }

    /// An error that is made up.
    pub fn error_of(&mut self, text: Arguments) {
        self.format(format_args!("-{text}\r\n"));
    }

    /// `:NUMBER`.
    pub fn integer(&mut self, number: i64) {
        self.format(format_args!(":{number}\r\n"));
    }

    /// The null bulk string.
    pub fn null(&mut self) {
        self.raw(b"$-1\r\n");
    }

    /// The head of an array of so many replies.
    pub fn array(&mut self, count: usize) {
        self.format(format_args!("*{count}\r\n"));
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.bulk_head(bytes.len());
        self.raw(bytes);
        self.raw(b"\r\n");
    }

    /// A bulk string's head; the bytes follow, then a line end.
    pub fn bulk_head(&mut self, length: usize) {
        self.format(format_args!("${length}\r\n"));
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > REPLY_MAX {
            self.is_too_long = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn format(&mut self, text: Arguments) {
        // It never fails: what is too long is remembered.
        let _ = self.write_fmt(text);
    }
}

/// What a client said as an error repeats it: its beginning, and nothing that could end the line.
pub(crate) struct Quoted<'a>(pub &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0.iter().take(QUOTE_MAX) {
            f.write_char(if matches!(byte, b' '..=b'~') { char::from(byte) } else { '?' })?;
        }
        Ok(())
    }
}
