//! Bytes to lines, with a bound on a line's length.

use crate::request::{self, Request};

/// Longest request, in bytes.
const LINE_MAX: usize = 256;

/// Collects a line.
pub(crate) struct Input {
    bytes: [u8; LINE_MAX],
    length: usize,
    damage: Option<&'static str>,
    ended: bool,
}

/// A line as it was read, without its end.
pub(crate) struct Line<'a> {
    /// At most the first [`LINE_MAX`] bytes.
    pub bytes: &'a [u8],
    damage: Option<&'static str>,
}

impl Default for Input {
    fn default() -> Self {
        Self { bytes: [0; LINE_MAX], length: 0, damage: None, ended: false }
    }
}

impl Input {
    /// Takes a byte; gives the line that it ends.
    pub fn take(&mut self, byte: u8, lost: bool) -> Option<Line<'_>> {
        if self.ended {
            *self = Self::default();
        }
        if lost {
            self.damage = Some("bytes were lost in it");
        }
        if byte == b'\n' || byte == b'\r' {
            self.ended = true;
            let empty = self.length == 0 && self.damage.is_none();
            return (!empty)
                .then(|| Line { bytes: &self.bytes[..self.length], damage: self.damage });
        }
        match self.bytes.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.damage = self.damage.or(Some("longer than 256 bytes")),
        }
        None
    }
}

impl Line<'_> {
    /// The request that the line makes, or why it makes none.
    pub fn request(&self, draws: bool) -> Result<Request, &'static str> {
        match self.damage {
            Some(damage) => Err(damage),
            None => request::parse(self.bytes, draws),
        }
    }
}
