//! The ledger as a guest.
#![no_std]
#![no_main]

use ledger::{Time, World};

runtime::guest!(main);

struct Machine;

impl World for Machine {
    fn time(&mut self) -> Time {
        ledger::time()
    }
}

fn main() -> u8 {
    ledger::serve(&mut Machine)
}
