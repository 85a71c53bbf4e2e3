//! RESP2 as clients send it: arrays of bulk strings, and inline commands (words in a line, without quotes).
//! Pure; looks at what has come so far, and changes nothing.

use crate::limits::{ARGUMENTS_MAX, COMMAND_MAX, HEADER_MAX, INLINE_MAX, VALUE_MAX};
use alloc::vec::Vec;
use core::ops::Range;

/// What the bytes at hand are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parsed {
    /// They begin with a whole command of so many bytes. (One without arguments is none, and has no answer.)
    Command(usize),
    /// The command at their beginning has so many bytes or more.
    Incomplete(usize),
    /// They can't be a command; the connection is of no use any more.
    Refused(&'static str),
}

/// Where a command's arguments are in its bytes.
pub(crate) struct Places(Vec<Range<u32>>);

impl Places {
    /// Of no command. Takes the memory for any.
    pub fn new() -> Self {
        Self(Vec::with_capacity(ARGUMENTS_MAX))
    }
}

/// A command's arguments, its name the first.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    bytes: &'a [u8],
    places: &'a [Range<u32>],
}

impl<'a> Arguments<'a> {
    /// Those that [`parse`] found in `bytes`.
    pub fn new(bytes: &'a [u8], places: &'a Places) -> Self {
        Self { bytes, places: &places.0 }
    }

    /// Number of arguments.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// One that is there.
    pub fn get(&self, index: usize) -> &'a [u8] {
        let Range { start, end } = self.places[index];
        &self.bytes[start as usize..end as usize]
    }

    /// Those from `first` on.
    pub fn from(&self, first: usize) -> impl Iterator<Item = &'a [u8]> + Clone {
        let all = *self;
        (first..all.count()).map(move |index| all.get(index))
    }
}

/// Looks for a command at the beginning of `bytes`.
pub(crate) fn parse(bytes: &[u8], places: &mut Places) -> Parsed {
    places.0.clear();
    let parsed = match bytes.first() {
        None => return Parsed::Incomplete(1),
        Some(b'*') => parse_array(bytes, &mut places.0),
        Some(_) => parse_inline(bytes, &mut places.0),
    };
    match parsed {
        Ok(end) => Parsed::Command(end),
        Err(Stop::Incomplete(bytes)) if bytes <= COMMAND_MAX => Parsed::Incomplete(bytes),
        Err(Stop::Incomplete(_)) => Parsed::Refused("command longer than 131072 bytes"),
        Err(Stop::Refused(why)) => Parsed::Refused(why),
    }
}

enum Stop {
    Incomplete(usize),
    Refused(&'static str),
}

/// Fewest bytes of an argument: `$0`, and two line ends.
const ARGUMENT_MIN: usize = 6;

fn parse_array(bytes: &[u8], places: &mut Vec<Range<u32>>) -> Result<usize, Stop> {
    let (count, mut position) = header(bytes, 0, 1, "invalid multibulk length")?;
    if count > ARGUMENTS_MAX as i64 {
        return Err(Stop::Refused("invalid multibulk length"));
    }
    for left in (1..=count.max(0) as usize).rev() {
        match bytes.get(position) {
            Some(b'$') => {}
            Some(_) => return Err(Stop::Refused("expected '$' before an argument")),
            None => return Err(Stop::Incomplete(position + left * ARGUMENT_MIN)),
        }
        let rest = (left - 1) * ARGUMENT_MIN;
        let (length, start) = header(bytes, position, 1 + rest, "invalid bulk length")?;
        let length = usize::try_from(length).ok().filter(|&length| length <= VALUE_MAX);
        let length = length.ok_or(Stop::Refused("invalid bulk length"))?;
        let end = start + length;
        position = end + 2;
        match bytes.get(end..position) {
            Some(b"\r\n") => places.push(start as u32..end as u32),
            Some(_) => return Err(Stop::Refused("expected a line end behind an argument")),
            None => return Err(Stop::Incomplete(position + rest)),
        }
    }
    Ok(position)
}

/// The number in the header line at `start`, and where the line behind it begins. `more` bytes at least are
/// missing if the line has no end yet.
fn header(
    bytes: &[u8],
    start: usize,
    more: usize,
    why: &'static str,
) -> Result<(i64, usize), Stop> {
    let line = &bytes[start + 1..bytes.len().min(start + HEADER_MAX)];
    let Some(length) = line.iter().position(|&byte| byte == b'\n') else {
        return Err(if line.len() + 1 == HEADER_MAX {
            Stop::Refused(why)
        } else {
            Stop::Incomplete(bytes.len() + more)
        });
    };
    let number = line[..length].strip_suffix(b"\r").and_then(integer);
    Ok((number.ok_or(Stop::Refused(why))?, start + 1 + length + 1))
}

fn parse_inline(bytes: &[u8], places: &mut Vec<Range<u32>>) -> Result<usize, Stop> {
    let Some(length) = bytes.iter().take(INLINE_MAX).position(|&byte| byte == b'\n') else {
        return Err(if bytes.len() >= INLINE_MAX {
            Stop::Refused("too big inline request")
        } else {
            Stop::Incomplete(bytes.len() + 1)
        });
    };
    let mut start = None;
    for (index, byte) in bytes[..=length].iter().enumerate() {
        match (start, byte.is_ascii_whitespace()) {
            (None, false) => start = Some(index as u32),
            (Some(first), true) => {
                if places.len() == ARGUMENTS_MAX {
                    return Err(Stop::Refused("too many words in an inline request"));
                }
                places.push(first..index as u32);
                start = None;
            }
            _ => {}
        }
    }
    Ok(length + 1)
}

/// A decimal number as Redis takes it: an optional `-`, no `+`, no leading zeros, nothing else.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_plain = match digits {
        [] => false,
        [b'0', rest @ ..] => rest.is_empty() && digits.len() == text.len(),
        _ => digits.iter().all(u8::is_ascii_digit),
    };
    if is_plain { str::from_utf8(text).ok()?.parse().ok() } else { None }
}
