//! The end of a guest that went wrong: an exception or a panic is said on the console, then exit 0x70.

use crate::{console, service};
use core::panic::PanicInfo;

/// The exit code of a guest that went wrong.
const FAULT: u8 = 0x70;

/// Entered from ring 0 on the first exception (interrupts.s), on a fresh stack.
#[unsafe(no_mangle)]
extern "C" fn guest_fault(vector: u64, error: u64, rip: u64, address: u64) -> ! {
    console::print(format_args!(
        "\nexception {vector:#04x} at {rip:#x}, error {error:#x}, address {address:#x}\n"
    ));
    service::exit(FAULT)
}

/// A panic's end; every guest's panic handler (`guest!`) comes here.
pub fn panicked(info: &PanicInfo) -> ! {
    console::print(format_args!("\n{info}\n"));
    service::exit(FAULT)
}
