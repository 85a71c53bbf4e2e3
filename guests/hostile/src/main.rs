//! The hostile guest: attacks every device, the memory map and the processor, in a course drawn from a seed. One
//! seed is one course, whose end is either printed or the end of the guest; whatever happens, it must be to the
//! guest alone, and a replay must do the same.
//!
//! Arguments: SEED, and the number of ATTACKS before the last one (drawn if not given); `finale=K` chooses the last
//! one, by its number in finale.rs from 0. It prints
//!
//! ```text
//! hostile seed <s> attacks <n>
//! attack <k> <name>             before each attack
//! checksum <hhhhhhhhhhhhhhhh>   after it, of all that the attacks have read so far
//! finale <name>                 before the last one
//! done checksum <h>             and code 0, if that has left anything
//! ```
//!
//! with what the attacks themselves print in between. It ends with code 0x70 after `exception ...`, 0x71 if even
//! that can't be said, and with whatever the debug exit was hit by.
//!
//! It does nothing that DETERMINISM.md says no log can have: what differs between a recording and a replay of it is
//! a fault of the machine.
#![no_std]
#![no_main]

extern crate alloc;

mod course;
mod devices;
mod finale;
mod memory;
mod processor;
mod ring0;

use course::Course;
use finale::FINALES;
use runtime::{console, service, start_info};

runtime::guest!(main);

/// The code for arguments that make no sense.
const USAGE: u8 = 2;
/// The code after an exception that no attack expected.
const FAULT: u8 = 0x70;

/// An attack, and what to call it.
type Attack = (&'static str, fn(&mut Course));

/// What a course is made of.
const ATTACKS: [Attack; 14] = [
    ("sweep", devices::sweep),
    ("anywhere", devices::anywhere),
    ("garbage", devices::garbage),
    ("garbage", devices::garbage),
    ("garbage everywhere", devices::garbage_everywhere),
    ("storm", devices::storm),
    ("idle", devices::idle),
    ("flood", devices::flood),
    ("memory", memory::accesses),
    ("instructions", memory::instructions),
    ("page tables", memory::page_tables),
    ("exceptions", processor::exceptions),
    ("msrs", processor::msrs),
    ("registers", processor::registers),
];

fn main() -> u8 {
    let mut arguments = start_info::arguments();
    let Some(Ok(seed)) = arguments.next().map(str::parse) else {
        return usage();
    };
    let mut course = Course::new(seed);
    let drawn = 1 + course.draw(24);
    let Ok(attacks) = arguments.next().map_or(Ok(drawn), str::parse) else {
        return usage();
    };
    let chosen = start_info::option("finale").map(str::parse::<usize>);
    let Ok(chosen) = chosen.transpose() else {
        return usage();
    };
    if chosen.is_some_and(|finale| finale >= FINALES.len()) {
        return usage();
    }
    console::print(format_args!("hostile seed {seed} attacks {attacks}\n"));
    ring0::install();
    for number in 1..=attacks {
        let (name, attack) = course.pick(&ATTACKS);
        console::print(format_args!("attack {number} {name}\n"));
        run(&mut course, attack);
        console::print(format_args!("\nchecksum {:016x}\n", course.checksum()));
    }
    let drawn = course.draw(FINALES.len() as u64) as usize;
    let (name, finale) = FINALES[chosen.unwrap_or(drawn)];
    console::print(format_args!("finale {name}\n"));
    run(&mut course, finale);
    console::print(format_args!("done checksum {:016x}\n", course.checksum()));
    0
}

/// Attacks, and puts in order again what that needs to be seen.
fn run(course: &mut Course, attack: fn(&mut Course)) {
    ring0::allow_storm();
    attack(course);
    ring0::allow_storm();
    devices::restore();
}

fn usage() -> u8 {
    console::print(format_args!("usage: SEED [ATTACKS] [finale=K], decimal numbers\n"));
    USAGE
}

/// Entered from ring 0 on an exception that nobody tried (ring0.s).
#[unsafe(no_mangle)]
extern "C" fn hostile_stray(vector: u64, rip: u64) -> ! {
    devices::restore();
    console::print(format_args!("\nexception {vector:#04x} at {rip:#x}\n"));
    service::exit(FAULT)
}
