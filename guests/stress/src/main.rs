//! The stress guest: every port and every interrupt source there is, in an order drawn from a seed, and
//! all that it reads goes into a checksum. Two runs print the same only if everything that entered
//! the machine was the same, at the same points; so a replay of it has to be exact.
//!
//! Arguments: SEED ROUNDS (1 and 20 if not given). After each round: `round <r> checksum <h>`; at the end
//! `port <pppp> reads <n> writes <m>` for every port exercised, `vector <vv> count <n>` for every
//! vector, `done`, and code 0. A machine without a real-time clock leaves vector 28 at zero.
#![no_std]
#![no_main]

extern crate alloc;

mod bench;
mod compute;
mod holes;
mod patterns;
mod pic;
mod pit;
mod rtc;
mod uart;

use bench::Bench;
use runtime::{console, interrupts, start_info};

runtime::guest!(main);

/// The code for arguments that make no sense.
const USAGE: u8 = 2;

/// The sources of interrupts that every run exercises: PIT, UART, RTC.
const SOURCES: [usize; 3] = [0x20, 0x24, 0x28];

/// What a round consists of, each once, in an order of its own.
const EXERCISES: [fn(&mut Bench); 18] = [
    pic::masks,
    pic::registers,
    pic::restart,
    pit::readings,
    pit::channels,
    pit::tick_rate,
    rtc::clock,
    rtc::memory,
    rtc::periodic,
    uart::registers,
    uart::loopback,
    holes::ports,
    holes::memory,
    compute::floats,
    compute::vectors,
    compute::pages,
    compute::stretch,
    patterns::nested,
];

fn main() -> u8 {
    let mut arguments = start_info::arguments();
    let mut number = |default| arguments.next().map_or(Some(default), |word| word.parse().ok());
    let (Some(seed), Some(rounds)) = (number(1), number(20)) else {
        console::print(format_args!("usage: SEED ROUNDS, two decimal numbers\n"));
        return USAGE;
    };
    console::print(format_args!("stress seed {seed} rounds {rounds}\n"));
    let mut bench = Bench::new(seed);
    for line in [uart::LINE, rtc::LINE] {
        runtime::pic::unmask(line);
    }
    for round in 1..=rounds {
        let mut order = EXERCISES;
        for last in (1..order.len()).rev() {
            order.swap(last, bench.draw(last as u64 + 1) as usize);
        }
        for exercise in order {
            exercise(&mut bench);
            patterns::idle(&mut bench);
        }
        console::print(format_args!("round {round} checksum {:016x}\n", bench.checksum()));
    }
    report(&bench);
    0
}

fn report(bench: &Bench) {
    for (port, reads, writes) in bench.ports() {
        console::print(format_args!("port {port:04x} reads {reads} writes {writes}\n"));
    }
    for vector in 0x20..interrupts::VECTORS {
        let count = interrupts::count(vector);
        if count != 0 || SOURCES.contains(&vector) {
            console::print(format_args!("vector {vector:02x} count {count}\n"));
        }
    }
    console::print(format_args!("done\n"));
}
