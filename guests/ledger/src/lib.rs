//! The ledger: a guest whose output shows whether anything was lost, repeated or changed.
//!
//! It keeps an account, takes requests from the console, a line each (ended by `\n` or `\r`; empty
//! lines don't count), and prints a tick line every so often, by its clock. This library is the pure part:
//! bytes and ticks in, lines out. serve.rs connects it to the machine.
//!
//! # Requests
//!
//! | request | result |
//! | --- | --- |
//! | `add N`, `sub N` | the balance after it; N and the balance are i64, overflow is an error |
//! | `get` | the balance |
//! | `sum` | `<c> operations, total <t>`: c adds and subs applied, t the sum of their absolute N |
//! | `time` | `<ms>ms <date> <time>`: since boot, and the wall clock (`no clock` without one) |
//! | `tsc`, `tscp`, `random` | of the guest `rogue` only: `up <a> to <b>` or `luck runs out, down <a> to <b>` |
//! | `quit` | `balance <b>`, in a bye line; the guest ends with code 0 |
//!
//! What RDTSC, RDTSCP, RDRAND say decides between up and down and on a, 1 to 1000: an add or a sub of it, as for
//! `sum`. Where ring 3 can't have the instruction, the request is an error.
//!
//! `#K ` before a request numbers it (K is u64). A numbered request that is sent again gets the answer that
//! it got, and is not applied again. An answer is kept until a number greater than K by a multiple of
//! 65536 is answered: with consecutive numbers, the last 65536 are kept. A K older than that, or one that comes
//! again with another request, is an error. Requests that ended in an error are not kept. Where
//! the machine does not hold input back until the UART has room, a client waits for the boot line.
//!
//! # Lines
//!
//! Every line printed has the form `<n> <kind> <rest> ~<hhhhhhhh>\n`. n counts from 1 without a gap.
//!
//! | kind | rest |
//! | --- | --- |
//! | `boot` | `ledger <p>ms`, a tick line every p ms; the first line and no other |
//! | `tick` | `<k> <ms>ms`; k counts from 1 without a gap, ms is the guest's clock, at least p k |
//! | `answer` | `<request> => <result>` |
//! | `again` | `<request> => <result>`, the result that the same number got before |
//! | `error` | `<request> => <why>`; nothing was applied |
//! | `bye` | `<request> => <result>`; the last line |
//!
//! A request is echoed as it was read, at most its first 256 bytes: printable ASCII as it is, but `\` as
//! `\\`, and every other byte as `\x` with two small hex digits. The last ` => ` of a line separates
//! it from the result (no result contains one).
//!
//! # The chain
//!
//! hhhhhhhh is FNV-1a (32 bits, in small hex digits) over all that was read and printed so far. For each
//! line, in this order, are folded in: the echoed request and `\n` (only for the four kinds that have a
//! request), then the line from its first byte up to and including the space before the `~`. Neither
//! `~hhhhhhhh` nor the line's own `\n` is folded in. So the output alone is enough to compute it anew.
//!
//! An example. At 100 ms comes a tick, then the requests `#7 add 5`, the same again, and `b` with a
//! byte 0xff (tests.rs holds the code to it):
//!
//! ```text
//! 1 boot ledger 100ms ~c9e2c266
//! 2 tick 1 100ms ~403f12f7
//! 3 answer #7 add 5 => 5 ~4585f1c6
//! 4 again #7 add 5 => 5 ~810cd814
//! 5 error b\xff => unknown request ~365f51c7
//! ```
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod account;
mod input;
mod printer;
mod request;
// The runtime's assembly links into nothing but a guest.
#[cfg(not(test))]
mod serve;

pub use account::{Answer, Time};
#[cfg(not(test))]
pub use serve::{serve, time};

use account::{Account, Outcome};
use input::Input;
use printer::Printer;

/// Lines to print, and whether the guest is to end after them.
pub struct Reply<'a> {
    /// A whole line.
    pub line: &'a [u8],
    /// Whether it was the last one.
    pub end: bool,
}

/// Where the processor itself says something that nobody told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// RDTSC.
    Tsc,
    /// RDTSCP.
    Tscp,
    /// RDRAND.
    Random,
}

/// What a ledger asks of the machine that it runs in.
pub trait World {
    /// Whether there are the requests that [`Self::draw`] is for.
    const DRAWS: bool = false;

    /// What time it is; only asked by a request that wants it.
    fn time(&mut self) -> Time;

    /// What the instruction says; `None` where it is not there.
    fn draw(&mut self, _source: Source) -> Option<u64> {
        None
    }

    /// Work that depends on what was drawn.
    fn work(&mut self, _up: bool, _amount: i64) {}
}

/// The whole state of the guest.
pub struct Ledger {
    period_ms: u64,
    account: Account,
    input: Input,
    printer: Printer,
    ticks: u64,
}

impl Ledger {
    /// An empty account, and a tick line every `period_ms`.
    pub fn new(period_ms: u64) -> Self {
        Self {
            period_ms,
            account: Account::default(),
            input: Input::default(),
            printer: Printer::default(),
            ticks: 0,
        }
    }

    /// The line to print first.
    pub fn boot(&mut self) -> &[u8] {
        self.printer.line("boot", format_args!("ledger {}ms", self.period_ms))
    }

    /// The next tick line, if one is due at `now_ms`. To be asked until there is none.
    pub fn tick(&mut self, now_ms: u64) -> Option<&[u8]> {
        if now_ms < (self.ticks + 1) * self.period_ms {
            return None;
        }
        self.ticks += 1;
        let k = self.ticks;
        Some(self.printer.line("tick", format_args!("{k} {now_ms}ms")))
    }

    /// Takes a byte of input; `lost` says that some before it are missing. The reply comes with the last
    /// byte of a request.
    pub fn receive<W: World>(&mut self, byte: u8, lost: bool, world: &mut W) -> Option<Reply<'_>> {
        let line = self.input.take(byte, lost)?;
        let outcome = match line.request(W::DRAWS) {
            Ok(request) => self.account.handle(request, world),
            Err(why) => Outcome::Error(why),
        };
        let line = match outcome {
            Outcome::Answer(answer) => self.printer.reply("answer", line.bytes, answer),
            Outcome::Again(answer) => self.printer.reply("again", line.bytes, answer),
            Outcome::Error(why) => self.printer.reply("error", line.bytes, why),
            Outcome::Bye(answer) => self.printer.reply("bye", line.bytes, answer),
        };
        Some(Reply { line, end: matches!(outcome, Outcome::Bye(_)) })
    }
}

#[cfg(test)]
mod tests;
