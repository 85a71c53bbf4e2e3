//! What ring 3 sees of interrupts: counters that the ring-0 stubs (interrupts.s) move.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Number of gates: 32 exceptions and 16 lines.
pub const VECTORS: usize = 48;

unsafe extern "C" {
    safe static interrupt_total: AtomicU64;
    safe static interrupt_counts: [AtomicU64; VECTORS];
    safe static nesting: AtomicU32;
}

/// Number of interrupts so far. Read it, do the work that may be due, then idle with what was read
/// ([`crate::service::idle`]): no interrupt gets lost in between.
pub fn total() -> u64 {
    interrupt_total.load(Relaxed)
}

/// Number of interrupts on one vector so far; vectors are 0x20 + line.
pub fn count(vector: usize) -> u64 {
    interrupt_counts[vector].load(Relaxed)
}

/// Whether the stubs turn interrupts on again before they return, so that they nest.
pub fn nest(on: bool) {
    nesting.store(u32::from(on), Relaxed);
}
