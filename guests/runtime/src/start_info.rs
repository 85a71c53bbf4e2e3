//! What the loader hands over: the PVH start info (Xen's hvm_start_info, version 1) with the memory map
//! and the command line. Read once, before the heap may write over it.

use crate::heap;
use core::cell::UnsafeCell;
use core::slice;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Longest command line kept, in bytes; the rest is cut off.
const COMMAND_LINE_MAX: usize = 2048;
/// Most memory map entries looked at.
const MAP_ENTRIES_MAX: usize = 128;
/// End of the identity map.
const MAPPED_END: u64 = 1 << 32;
const MAGIC: u32 = 0x336e_c578;
const RAM: u32 = 1;

#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

#[repr(C)]
struct MapEntry {
    address: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

struct CommandLine(UnsafeCell<[u8; COMMAND_LINE_MAX]>);

// SAFETY: written once by read(), before anything reads it, by the only thread.
unsafe impl Sync for CommandLine {}

static COMMAND_LINE: CommandLine = CommandLine(UnsafeCell::new([0; COMMAND_LINE_MAX]));
static COMMAND_LINE_BYTES: AtomicUsize = AtomicUsize::new(0);
static MEMORY_BYTES: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    safe static start_info_address: u64;
    safe static image_end: u8;
}

/// Copies the command line and gives the heap the memory behind the image.
pub(crate) fn read() {
    // SAFETY: boot.s stored what the PVH entry got; the loader put a start info there.
    let info = unsafe { &*(start_info_address as *const StartInfo) };
    if info.magic != MAGIC {
        return;
    }
    copy_command_line(info.command_line);
    if info.version == 0 || info.memory_map == 0 {
        return;
    }
    let entries = MAP_ENTRIES_MAX.min(info.memory_map_entries as usize);
    // SAFETY: the start info says so, and nothing has been written outside the image yet.
    let map = unsafe { slice::from_raw_parts(info.memory_map as *const MapEntry, entries) };
    let heap_start = &raw const image_end as u64;
    let mut heap_end = heap_start;
    let mut total_bytes = 0;
    for entry in map.iter().filter(|entry| entry.kind == RAM) {
        let end = entry.address.saturating_add(entry.bytes);
        total_bytes = entry.bytes.saturating_add(total_bytes);
        if entry.address < heap_start && heap_start < end {
            heap_end = end.min(MAPPED_END);
        }
    }
    MEMORY_BYTES.store(total_bytes, Relaxed);
    heap::initialise(heap_start as usize, heap_end as usize);
}

fn copy_command_line(address: u64) {
    if address == 0 {
        return;
    }
    // SAFETY: nobody else has it yet (above).
    let copy = unsafe { &mut *COMMAND_LINE.0.get() };
    for (index, to) in copy.iter_mut().enumerate() {
        // SAFETY: a NUL ends the loader's line, and nothing behind it is read.
        let byte = unsafe { (address as *const u8).add(index).read() };
        if byte == 0 {
            break;
        }
        *to = byte;
        COMMAND_LINE_BYTES.store(index + 1, Relaxed);
    }
}

/// The command line as given; empty if it is not UTF-8.
pub fn command_line() -> &'static str {
    // SAFETY: never written after read().
    let bytes = unsafe { &*COMMAND_LINE.0.get() };
    str::from_utf8(&bytes[..COMMAND_LINE_BYTES.load(Relaxed)]).unwrap_or("")
}

/// The command line's positional arguments: the words without `=`. (QEMU adds words with one.)
pub fn arguments() -> impl Iterator<Item = &'static str> {
    command_line().split_ascii_whitespace().filter(|word| !word.contains('='))
}

/// The value of a word `name=value` of the command line, the first if there are several.
pub fn option(name: &str) -> Option<&'static str> {
    command_line()
        .split_ascii_whitespace()
        .find_map(|word| word.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

/// All RAM of the memory map, in bytes.
pub fn memory_bytes() -> u64 {
    MEMORY_BYTES.load(Relaxed)
}
