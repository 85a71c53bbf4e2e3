//! What a bundled guest stands on: boot, interrupts, console, clock, heap. No std, no CPUID, no time
//! stamp counter, nothing that differs between hosts: a guest is a deterministic function of its events.
//!
//! Ring 0 is assembly only (boot.s, interrupts.s). Everything in Rust runs in ring 3 with IOPL 3 and
//! interrupts on, and sees an interrupt as a counter that has moved ([`interrupts`]).
//!
//! A guest is a bin crate with `#![no_std]`, `#![no_main]` and `runtime::guest!(main);`.
#![no_std]

pub mod clock;
pub mod console;
pub mod fault;
pub mod heap;
pub mod interrupts;
mod memory;
pub mod pic;
pub mod port;
pub mod rtc;
pub mod service;
pub mod start_info;

core::arch::global_asm!(include_str!("boot.s"));
core::arch::global_asm!(include_str!("interrupts.s"));

/// Names the function that a guest begins with: `fn main() -> u8`. What it returns is the guest's end
/// ([`service::exit`]).
#[macro_export]
macro_rules! guest {
    ($main:path) => {
        /// Entered by boot.s in ring 3, on a fresh stack, with interrupts on and all lines masked.
        #[unsafe(no_mangle)]
        extern "C" fn guest_start() -> ! {
            $crate::initialise();
            $crate::service::exit($main())
        }

        #[cfg(not(test))]
        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo) -> ! {
            $crate::fault::panicked(info)
        }
    };
}

/// Brings up what every guest has: command line, heap, console, clock. Called by [`guest!`] alone.
pub fn initialise() {
    start_info::read();
    pic::connect();
    console::initialise();
    clock::initialise();
}
