//! Ring 0 of this guest, as ring 3 calls it (ring0.s).

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

core::arch::global_asm!(include_str!("ring0.s"));

/// Code of ring0.s.
pub type Code = unsafe extern "C" fn();

macro_rules! codes {
    ($($name:ident)*) => {
        unsafe extern "C" {
            $(
                #[doc = concat!("See ring0.s: ", stringify!($name))]
                pub fn $name();
            )*
        }
    };
}

codes! {
    hostile_idle hostile_halt hostile_triple_fault hostile_flush hostile_read_msr hostile_write_msr
    hostile_push hostile_return hostile_load_gdt hostile_load_tr hostile_load_ldt hostile_invalidate
    hostile_flush_caches hostile_machine_status hostile_load_tables
    hostile_write_cr0 hostile_write_cr2 hostile_write_cr3 hostile_write_cr4 hostile_write_cr8
    hostile_write_dr0 hostile_write_dr1 hostile_write_dr2 hostile_write_dr3 hostile_write_dr6 hostile_write_dr7
    hostile_read_cr0 hostile_read_cr2 hostile_read_cr4 hostile_read_cr8 hostile_read_dr6 hostile_read_dr7
}

/// A gate of the interrupt table.
type Gate = [u64; 2];

unsafe extern "C" {
    static hostile_stubs: [[u8; 16]; 256];
    static mut hostile_idt: [Gate; 256];
    safe static hostile_entries: AtomicU64;
    safe static hostile_interrupts: AtomicU64;
    safe static hostile_limit: AtomicU64;
    safe static hostile_vector: AtomicU64;
    safe static hostile_request: AtomicU64;
    safe static hostile_code: AtomicU64;
    safe static hostile_index: AtomicU64;
    safe static hostile_value: AtomicU64;
    /// Where ring 3's stack is to be after an exception of the next attempt.
    pub safe static hostile_stack: AtomicU64;
    safe static hostile_failed: AtomicU64;
}

/// Interrupts of one attack before the lines are made quiet.
const STORM: u64 = 400;

/// Puts this guest's ring 0 in place of the runtime's.
pub fn install() {
    for vector in 0..256 {
        // SAFETY: nobody uses the table before it is loaded; the stubs are code of ours.
        unsafe {
            let stub = &raw const hostile_stubs[vector] as u64;
            hostile_idt[vector] = [
                stub & 0xffff | 0x10 << 16 | 0xee00 << 32 | (stub >> 16 & 0xffff) << 48,
                stub >> 32,
            ];
        }
    }
    // SAFETY: it loads the table and returns.
    unsafe { runtime::service::privileged(hostile_load_tables) };
}

/// Lets a storm of interrupts begin anew.
pub fn allow_storm() {
    hostile_limit.store(hostile_entries.load(Relaxed) + STORM, Relaxed);
}

/// Interrupts so far.
pub fn interrupts() -> u64 {
    hostile_interrupts.load(Relaxed)
}

/// The vector of the last exception.
pub fn last_vector() -> u64 {
    hostile_vector.load(Relaxed)
}

/// Runs code in ring 0 with its operands; what it leaves there, or the vector of the exception that it met.
pub fn run(code: Code, index: u64, value: u64) -> Result<u64, u64> {
    hostile_index.store(index, Relaxed);
    hostile_value.store(value, Relaxed);
    hostile_code.store(code as usize as u64, Relaxed);
    hostile_request.store(1, Relaxed);
    // SAFETY: what the code overwrites is named; what it does to the machine is what this guest is for.
    unsafe {
        asm!("int3", out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _);
    }
    match hostile_failed.swap(0, Relaxed) {
        0 => Ok(hostile_value.load(Relaxed)),
        _ => Err(last_vector()),
    }
}
