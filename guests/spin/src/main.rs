//! The spin guest: computes in ring 3 for as long as it is told to, over a working set that it writes, and makes
//! no exit meanwhile but those of its timer's interrupts (two each: the end of the interrupt, and whatever let it
//! in) and of answering who asks. What it is for: machines that have to be stopped from outside, and state that
//! changes while it is transferred.
//!
//! Words of the command line (options.rs has the defaults): `working-set=32M`; `seed=N`; `rounds=N` or
//! `seconds=N`, its end; `steps=N`, the arithmetic of a round, which writes one page, or `pages-per-second=N`,
//! with which it finds the steps out by its clock; `hz=N`, its ticks; `timer=off`: no tick, no input and no exit
//! at all from the first line to the result.
//!
//! It prints, `quit` on the console (or its end) being what the last line comes of:
//!
//! ```text
//! spin seed <s> pages <p> steps <w>
//! answer <n> round <r> checksum <hhhhhhhh>     to each line `?`, n from 1; within a tick
//! answer <n> unknown request                   to each other line that is not empty
//! result rounds <r> checksum <hhhhhhhh>        and code 0
//! ```
//!
//! What r and the checksums are, lib.rs says; p, w and s are all that it takes to compute them anew.
#![no_std]
#![no_main]

extern crate alloc;

mod options;

use options::{Load, Options};
use runtime::{clock, console, interrupts};
use spin::Work;

runtime::guest!(main);

/// The code for a command line that makes no sense.
const USAGE: u8 = 2;
/// The console's interrupt vector.
const CONSOLE_VECTOR: usize = 0x20 + console::LINE as usize;
/// Steps between two looks for input: some ten microseconds.
const PIECE: u32 = 4096;
/// How long `pages-per-second` takes to find the steps out.
const CALIBRATION_TICKS: u64 = 10;

fn main() -> u8 {
    let Some(options) = options::read() else {
        console::print(format_args!("{}\n", options::USAGE));
        return USAGE;
    };
    let mut work = Work::new(options.seed, options.pages);
    let steps = match options.load {
        Load::Steps(steps) => steps,
        Load::PagesASecond(pages) => steps_of(pages),
    };
    let Options { seed, pages, .. } = options;
    if options.timer {
        console::enable_input();
    } else {
        clock::stop();
    }
    console::print(format_args!("spin seed {seed} pages {pages} steps {steps}\n"));
    run(&mut work, &options, steps);
    let (rounds, result) = (work.rounds(), work.result());
    console::print(format_args!("result rounds {rounds} checksum {result:08x}\n"));
    0
}

/// Computes to the end that `options` or somebody at the console sets.
fn run(work: &mut Work, options: &Options, steps: u32) {
    let mut desk = Desk::new();
    let end_ms = options.seconds.map_or(u64::MAX, |seconds| clock::now_ms() + seconds * 1000);
    let mut ticks = clock::ticks();
    while work.rounds() < options.rounds {
        let mut left = steps;
        while left > 0 {
            let piece = left.min(PIECE);
            work.compute(piece);
            left -= piece;
            if desk.serve(work) {
                return;
            }
        }
        work.write();
        if desk.serve(work) {
            return;
        }
        if clock::ticks() != ticks {
            ticks = clock::ticks();
            if clock::now_ms() >= end_ms {
                return;
            }
        }
    }
}

/// The steps that take a `pages`th of a second, by the guest's clock.
fn steps_of(pages: u32) -> u32 {
    let mut work = Work::new(1, 1);
    let first = clock::ticks();
    while clock::ticks() == first {
        work.compute(PIECE);
    }
    let start = clock::ticks();
    let mut pieces = 0u64;
    while clock::ticks() < start + CALIBRATION_TICKS {
        work.compute(PIECE);
        pieces += 1;
    }
    let elapsed_ms = clock::ms(CALIBRATION_TICKS);
    let steps = pieces * u64::from(PIECE) * 1000 / (elapsed_ms.max(1) * u64::from(pages));
    u32::try_from(steps).unwrap_or(u32::MAX)
}

/// Where questions are answered. Looking for them costs no exit: the interrupts are counted in memory.
struct Desk {
    served: u64,
    answers: u64,
    line: [u8; 8],
    length: usize,
}

impl Desk {
    fn new() -> Self {
        Self { served: 0, answers: 0, line: [0; 8], length: 0 }
    }

    /// Answers what has come; whether it was `quit`.
    fn serve(&mut self, work: &Work) -> bool {
        let inputs = interrupts::count(CONSOLE_VECTOR);
        if inputs == self.served {
            return false;
        }
        self.served = inputs;
        while let Some(received) = console::read() {
            if self.take(received.byte, work) {
                return true;
            }
        }
        false
    }

    fn take(&mut self, byte: u8, work: &Work) -> bool {
        if byte != b'\n' && byte != b'\r' {
            if let Some(place) = self.line.get_mut(self.length) {
                *place = byte;
            }
            self.length = (self.length + 1).min(self.line.len() + 1);
            return false;
        }
        let line = self.line.get(..self.length);
        self.length = 0;
        match line {
            Some(b"") => return false,
            Some(b"quit") => return true,
            _ => self.answers += 1,
        }
        let number = self.answers;
        match line {
            Some(b"?") => console::print(format_args!(
                "answer {number} round {} checksum {:08x}\n",
                work.rounds(),
                work.checksum()
            )),
            _ => console::print(format_args!("answer {number} unknown request\n")),
        }
        false
    }
}
