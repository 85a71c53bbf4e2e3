//! The smallest guest: says hello, and with what it was started, and ends with code 0.
#![no_std]
#![no_main]

use runtime::{console, start_info};

runtime::guest!(main);

fn main() -> u8 {
    let memory_mib = (start_info::memory_bytes() + (1 << 19)) >> 20;
    console::print(format_args!("hello from ring 3, with {memory_mib} MiB of memory\n"));
    console::print(format_args!("command line: {}\n", start_info::command_line()));
    0
}
