//! Lines to requests.

use crate::Source;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Add(i64),
    Sub(i64),
    Get,
    Sum,
    Time,
    Draw(Source),
    Quit,
}

/// A command, and the number under which its answer is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub number: Option<u64>,
    pub command: Command,
}

/// Reads a request; words are separated by white space.
pub(crate) fn parse(line: &[u8], draws: bool) -> Result<Request, &'static str> {
    let text = str::from_utf8(line).map_err(|_| "unknown request")?;
    let mut words = text.split_ascii_whitespace().peekable();
    let number = match words.peek().and_then(|word| word.strip_prefix('#')) {
        Some(digits) => {
            words.next();
            Some(digits.parse().map_err(|_| "bad request number")?)
        }
        None => None,
    };
    let name = words.next().unwrap_or("");
    let mut operand = || words.next().and_then(|word| word.parse().ok()).ok_or("bad number");
    let command = match name {
        "add" => Command::Add(operand()?),
        "sub" => Command::Sub(operand()?),
        "get" => Command::Get,
        "sum" => Command::Sum,
        "time" => Command::Time,
        "tsc" if draws => Command::Draw(Source::Tsc),
        "tscp" if draws => Command::Draw(Source::Tscp),
        "random" if draws => Command::Draw(Source::Random),
        "quit" => Command::Quit,
        _ => return Err("unknown request"),
    };
    match words.next() {
        Some(_) => Err("too many words"),
        None => Ok(Request { number, command }),
    }
}
