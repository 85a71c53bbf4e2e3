//! The account and the answers kept.

use crate::World;
use crate::request::{Command, Request};
use alloc::{vec, vec::Vec};
use core::fmt::{self, Display, Formatter};

/// Number of answers kept.
pub(crate) const KEPT: usize = 1 << 16;
/// The answers are allocated in pages of so many as their numbers come, so that memory that nobody
/// needs is not dirtied (and not transferred).
const PAGE: usize = 256;

/// What time it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Time {
    /// Milliseconds since boot.
    pub ms: u64,
    /// Year since 2000, month, day, hour, minute, second.
    pub wall: Option<[u8; 6]>,
}

/// The result of a request that was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The balance.
    Balance(i64),
    /// Adds and subs applied, and the sum of their absolute operands (2^64 of 2^63 fit).
    Sum {
        /// Their number.
        operations: u64,
        /// Their absolute total.
        total: u128,
    },
    /// The time.
    Time(Time),
    /// An amount that the processor's word decided on.
    Drawn {
        /// Added, or else subtracted.
        up: bool,
        /// 1 to 1000.
        amount: i64,
        /// The balance after it.
        balance: i64,
    },
    /// The balance at the end.
    Farewell(i64),
}

/// What became of a request.
pub(crate) enum Outcome {
    Answer(Answer),
    Again(Answer),
    Error(&'static str),
    Bye(Answer),
}

#[derive(Clone, Copy)]
struct Kept {
    number: u64,
    command: Command,
    answer: Answer,
}

/// The balance, what led to it, and the answers kept.
pub(crate) struct Account {
    balance: i64,
    operations: u64,
    total: u128,
    /// A number's place is its remainder by [`KEPT`].
    kept: [Vec<Option<Kept>>; KEPT / PAGE],
}

impl Default for Account {
    fn default() -> Self {
        Self { balance: 0, operations: 0, total: 0, kept: [const { Vec::new() }; KEPT / PAGE] }
    }
}

impl Account {
    /// Applies a request, or gives the answer that it got before.
    pub fn handle<W: World>(&mut self, request: Request, world: &mut W) -> Outcome {
        let Request { number, command } = request;
        if let Some(number) = number {
            match self.place(number) {
                Some(kept) if kept.number > number => return Outcome::Error("number too old"),
                Some(kept) if kept.number < number => {}
                Some(kept) if kept.command == command => return Outcome::Again(kept.answer),
                Some(_) => return Outcome::Error("number of another request"),
                None => {}
            }
        }
        let answer = match self.apply(command, world) {
            Ok(answer) => answer,
            Err(why) => return Outcome::Error(why),
        };
        if let Some(number) = number {
            *self.place(number) = Some(Kept { number, command, answer });
        }
        match command {
            Command::Quit => Outcome::Bye(answer),
            _ => Outcome::Answer(answer),
        }
    }

    fn place(&mut self, number: u64) -> &mut Option<Kept> {
        let place = (number % KEPT as u64) as usize;
        let page = &mut self.kept[place / PAGE];
        if page.is_empty() {
            *page = vec![None; PAGE];
        }
        &mut page[place % PAGE]
    }

    /// After an error nothing is applied.
    fn apply<W: World>(&mut self, command: Command, world: &mut W) -> Result<Answer, &'static str> {
        let added = |operand| self.balance.checked_add(operand).ok_or("overflow");
        Ok(match command {
            Command::Add(operand) => self.change(operand, added(operand)?),
            Command::Sub(operand) => {
                let balance = self.balance.checked_sub(operand).ok_or("overflow")?;
                self.change(operand, balance)
            }
            Command::Get => Answer::Balance(self.balance),
            Command::Sum => Answer::Sum { operations: self.operations, total: self.total },
            Command::Time => Answer::Time(world.time()),
            Command::Draw(source) => {
                let word = mix(world.draw(source).ok_or("no such instruction here")?);
                let up = word & 1 != 0;
                let amount = 1 + (word >> 1) as i64 % 1000;
                let operand = if up { amount } else { -amount };
                let balance = added(operand)?;
                self.change(operand, balance);
                world.work(up, amount);
                Answer::Drawn { up, amount, balance }
            }
            Command::Quit => Answer::Farewell(self.balance),
        })
    }

    fn change(&mut self, operand: i64, balance: i64) -> Answer {
        self.balance = balance;
        self.operations += 1;
        self.total += u128::from(operand.unsigned_abs());
        Answer::Balance(balance)
    }
}

/// Spreads what a counter counts over all bits (splitmix64's finaliser).
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balance(balance) => write!(f, "{balance}"),
            Self::Sum { operations, total } => write!(f, "{operations} operations, total {total}"),
            Self::Time(Time { ms, wall: None }) => write!(f, "{ms}ms no clock"),
            Self::Time(Time { ms, wall: Some([year, month, day, hour, minute, second]) }) => {
                write!(
                    f,
                    "{ms}ms 20{year:02}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
                )
            }
            Self::Drawn { up: true, amount, balance } => write!(f, "up {amount} to {balance}"),
            Self::Drawn { up: false, amount, balance } => {
                write!(f, "luck runs out, down {amount} to {balance}")
            }
            Self::Farewell(balance) => write!(f, "balance {balance}"),
        }
    }
}
