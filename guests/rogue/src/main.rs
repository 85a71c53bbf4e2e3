//! The rogue guest: a ledger with three requests more, `tsc`, `tscp` and `random`, whose results depend on what
//! RDTSC, RDTSCP and RDRAND say in ring 3. No log has that, so a replay of it takes another way: other text,
//! another balance, other pages and other exits. What it printed can be checked all the same: the ledger's lines
//! say what was added, and every later one has to agree (guests/ledger/src/lib.rs).
//!
//! Arguments: none; `hz=N` as ever. Where a host does not let ring 3 have an instruction, the request is an error.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::{vec, vec::Vec};
use ledger::{Source, Time, World};
use runtime::{attempt, port};

runtime::guest!(main);

/// A port of nobody: a write there is an exit and nothing else.
const NOBODY: u16 = 0x80;
const PAGE_BYTES: usize = 4096;
/// As many pages as there are amounts.
const PAGES: usize = 1000;
/// RDRAND may have nothing to give for a moment.
const DRAWS_MAX: u32 = 10;

struct Machine {
    /// For [`World::work`].
    memory: Vec<u8>,
}

impl World for Machine {
    const DRAWS: bool = true;

    fn time(&mut self) -> Time {
        ledger::time()
    }

    fn draw(&mut self, source: Source) -> Option<u64> {
        match source {
            Source::Tsc => tsc(),
            Source::Tscp => tscp(),
            Source::Random => random(),
        }
    }

    /// Up: a page of its own for each amount, and an exit for every hundred. Down: the first pages, no exit.
    fn work(&mut self, up: bool, amount: i64) {
        let amount = amount as usize;
        if up {
            self.memory[(amount - 1) * PAGE_BYTES] += 1;
            for _ in 0..amount / 100 {
                port::write8(NOBODY, amount as u8);
            }
        } else {
            for page in 0..amount / 10 {
                self.memory[page * PAGE_BYTES] ^= amount as u8;
            }
        }
    }
}

fn tsc() -> Option<u64> {
    let (low, high): (u64, u64);
    // SAFETY: writes two registers; where it can't, nothing.
    let there = unsafe { attempt!(["rdtsc"], out("rax") low, out("rdx") high) };
    there.then_some(high << 32 | low & 0xffff_ffff)
}

fn tscp() -> Option<u64> {
    let (low, high): (u64, u64);
    // SAFETY: as in tsc; the processor's number goes to RCX.
    let there = unsafe { attempt!(["rdtscp"], out("rax") low, out("rdx") high, out("rcx") _) };
    there.then_some(high << 32 | low & 0xffff_ffff)
}

fn random() -> Option<u64> {
    for _ in 0..DRAWS_MAX {
        let (word, valid): (u64, u8);
        // SAFETY: as in tsc.
        let there =
            unsafe { attempt!(["rdrand rax", "setc cl"], out("rax") word, out("cl") valid) };
        if !there {
            return None;
        }
        if valid != 0 {
            return Some(word);
        }
    }
    None
}

fn main() -> u8 {
    ledger::serve(&mut Machine { memory: vec![0; PAGES * PAGE_BYTES] })
}
