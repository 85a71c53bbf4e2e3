//! The heap: memory is handed out from the end of the image on and never taken back. Guests allocate
//! what they need once, at their start.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Heap {
    next: AtomicUsize,
    end: AtomicUsize,
}

#[global_allocator]
static HEAP: Heap = Heap { next: AtomicUsize::new(0), end: AtomicUsize::new(0) };

/// Gives the heap its memory, once.
pub(crate) fn initialise(start: usize, end: usize) {
    HEAP.next.store(start, Relaxed);
    HEAP.end.store(end, Relaxed);
}

/// Memory that was not handed out yet, in bytes.
pub fn left_bytes() -> usize {
    HEAP.end.load(Relaxed) - HEAP.next.load(Relaxed)
}

// SAFETY: what was handed out lies in the RAM behind the image and is never handed out again.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next.load(Relaxed).next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(next) if next <= self.end.load(Relaxed) => {
                self.next.store(next, Relaxed);
                start as *mut u8
            }
            _ => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    /// A loader need not clear memory, so this does.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the same; the write stays in what was just handed out.
        unsafe {
            let start = self.alloc(layout);
            if !start.is_null() {
                start.write_bytes(0, layout.size());
            }
            start
        }
    }
}
