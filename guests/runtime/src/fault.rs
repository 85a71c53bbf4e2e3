//! The end of a guest that went wrong: an exception or a panic is said on the console, then exit 0x70.
//! Unless it was only an attempt ([`attempt!`](crate::attempt)).

use crate::{console, service};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The exit code of a guest that went wrong.
const FAULT: u8 = 0x70;

unsafe extern "C" {
    /// Where ring 3 goes on after an exception, once; 0 for nowhere (interrupts.s).
    pub safe static attempt_resume: AtomicU64;
}

/// Tries instructions that may not be there: `attempt!(["rdtsc"], out("eax") low)`, in an unsafe block. False
/// if they met an exception; then what they were to write is of no meaning.
#[macro_export]
macro_rules! attempt {
    ([$($instruction:literal),+], $($operands:tt)*) => {{
        core::arch::asm!(
            "lea {attempt}, [rip + 3f]",
            "mov qword ptr [{slot}], {attempt}",
            $($instruction),+,
            "3:",
            attempt = out(reg) _,
            slot = sym $crate::fault::attempt_resume,
            $($operands)*
        );
        $crate::fault::succeeded()
    }};
}

/// Ends an attempt: whether it met no exception. Called by [`attempt!`](crate::attempt) alone.
pub fn succeeded() -> bool {
    attempt_resume.swap(0, Relaxed) != 0
}

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
