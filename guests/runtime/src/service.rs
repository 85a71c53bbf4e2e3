//! What ring 3 can't do itself, asked of ring 0 through `int3` (interrupts.s): the one trap that
//! enters ring 0 on every host.

use crate::{console, port};
use core::arch::asm;

/// Where a debug exit device takes the code of the guest's end.
pub const DEBUG_EXIT: u16 = 0xf4;

const IDLE: u32 = 1;
const HALT: u32 = 2;
const RESTART_PICS: u32 = 3;
const PRIVILEGED: u32 = 5;

fn call(function: u32, argument: u64) {
    // SAFETY: the handler returns with every register as it was; interrupts on the way only count.
    unsafe { asm!("int3", in("eax") function, in("rdi") argument) }
}

/// Halts until an interrupt comes. Returns at once if one came since `seen` was read
/// ([`crate::interrupts::total`]).
pub fn idle(seen: u64) {
    call(IDLE, seen);
}

/// Initialises both PICs anew, with every line masked.
pub fn restart_pics() {
    call(RESTART_PICS, 0);
}

/// Runs `code` in ring 0, interrupts off, on ring 0's stack. It may overwrite flags and nothing else.
///
/// # Safety
/// It must be assembly that ring 0 can do on every host (boot.s), and end in `ret`.
pub unsafe fn privileged(code: unsafe extern "C" fn()) {
    call(PRIVILEGED, code as usize as u64);
}

/// The guest's end: `code` to the debug exit, once all output has left. Where there is no such device,
/// the machine halts for good.
pub fn exit(code: u8) -> ! {
    console::flush();
    port::write8(DEBUG_EXIT, code);
    loop {
        call(HALT, 0);
    }
}
