//! Attacks on the memory map: what is RAM and what isn't, unaligned, across its ends, and through page tables that
//! point where nothing is.

use crate::course::Course;
use crate::ring0;
use core::cell::UnsafeCell;
use runtime::attempt;

const PAGE: u64 = 4096;
/// Present, writable, for ring 3, accessed, dirty: the processor has nothing to write.
const LEAF: u64 = 0x67;
const LARGE: u64 = 0x80;
/// The first address behind the identity map.
const WINDOW: u64 = 1 << 32;
/// What an address can have at most here, and on any processor.
const PHYSICAL_BITS: u64 = 36;
const PHYSICAL_BITS_MAX: u64 = 52;

/// A page table of this guest's own.
#[repr(C, align(4096))]
struct Table(UnsafeCell<[u64; 512]>);

// SAFETY: there is one processor and one thread.
unsafe impl Sync for Table {}

static DIRECTORY: Table = Table(UnsafeCell::new([0; 512]));
static TABLE: Table = Table(UnsafeCell::new([0; 512]));

unsafe extern "C" {
    static mut page_pointers: [u64; 512];
}

impl Table {
    fn address(&self) -> u64 {
        self.0.get() as u64
    }

    fn set(&self, index: usize, entry: u64) {
        // SAFETY: it is a table of ours, and whoever looks up an address after a flush sees the entry.
        unsafe { (self.0.get() as *mut u64).add(index).write_volatile(entry) }
    }
}

/// An address at which nothing depends on what is written: no RAM, or the first MiB, or spare RAM.
pub fn any_address(course: &mut Course) -> u64 {
    let spare = course.spare.as_ptr() as u64;
    let near = course.draw(48);
    match course.draw(12) {
        0 => course.ram_end + near,
        1 => WINDOW - 1 - near,
        2 => 0x10_0000 - 64 + near.min(48),
        3 => course.draw(0x9_fc00),
        4 => 0xa_0000 + course.draw(0x5_ff00),
        5 => spare + course.draw(course.spare.len() as u64 - 64),
        6 => spare + PAGE * (1 + course.draw(100)) - 1 - near.min(15),
        // A local and an I/O APIC, and what KVM wants for itself: none of them is in the map.
        7 => course.pick(&[0xfee0_0000, 0xfec0_0000, 0xfffb_c000, 0xfffb_d000, 0xfffb_f000]) + near,
        8 => WINDOW + course.draw(1 << 40),
        9 => course.random(),
        _ => course.ram_end + course.draw(WINDOW - course.ram_end - 64),
    }
}

/// An address at which no RAM is.
fn hole(course: &mut Course) -> u64 {
    course.ram_end + PAGE + course.draw(WINDOW - course.ram_end - 2 * PAGE)
}

/// Reads and writes, of all widths.
pub fn accesses(course: &mut Course) {
    for _ in 0..64 {
        let (address, width, value) = (any_address(course), course.width(), course.random());
        if value & 1 == 0 {
            course.load(address, width);
        } else {
            course.store(address, width, value);
        }
    }
    for _ in 0..64 {
        let (address, width) = (course.draw(course.ram_end), course.width());
        course.load(address, width);
    }
}

/// Instructions that read and write in one, or more than a register.
pub fn instructions(course: &mut Course) {
    let spare = course.spare.as_mut_ptr() as u64;
    for _ in 0..32 {
        let (address, value) = (any_address(course), course.random());
        let mut read = value;
        macro_rules! with {
            ($($instruction:literal),+) => {
                attempt!([$($instruction),+], in("rdi") address, in("rsi") spare, inout("rax") read,
                    out("rcx") _, out("rdx") _)
            };
        }
        // SAFETY: writes where nothing depends on it, and goes on behind an exception.
        let went_well = unsafe {
            match course.draw(11) {
                0 => with!("lock xadd qword ptr [rdi], rax"),
                1 => with!("xchg dword ptr [rdi], eax"),
                2 => with!("not word ptr [rdi]"),
                3 => with!("inc byte ptr [rdi]"),
                4 => with!("xor edx, edx", "xor ecx, ecx", "lock cmpxchg8b qword ptr [rdi]"),
                5 => with!("lock cmpxchg qword ptr [rdi], rax"),
                6 => with!("movnti qword ptr [rdi], rax"),
                7 => with!("lock bts dword ptr [rdi], 5", "setc al"),
                8 => with!("push qword ptr [rdi]", "pop rax"),
                9 => with!("mov rcx, 24", "xchg rsi, rdi", "rep movsb", "mov rdi, rsi"),
                _ => with!("mov rdx, rdi", "mov rcx, 9", "rep stosb"),
            }
        };
        course.fold(read);
        course.note(went_well);
    }
}

/// Instructions that KVM does not emulate where there is no RAM, or not all: then it gives the guest up.
pub fn not_emulated(course: &mut Course) {
    for _ in 0..8 {
        let (address, value) = (any_address(course), course.random());
        // SAFETY: as in instructions; nothing else is kept in the x87's registers.
        let went_well = unsafe {
            match course.draw(4) {
                0 => attempt!(["fld1", "fistp qword ptr [rdi]"], in("rdi") address, out("st(0)") _),
                1 => attempt!(["fld1", "fstp tbyte ptr [rdi]"], in("rdi") address, out("st(0)") _),
                2 => attempt!(["movss xmm0, [rdi]"], in("rdi") address, out("xmm0") _),
                _ => attempt!(["paddq xmm0, [rdi]"], in("rdi") address & !15, out("xmm0") _),
            }
        };
        // SAFETY: what an exception has left on the x87's stack is of no use.
        unsafe { core::arch::asm!("fninit") };
        course.fold(value);
        course.note(went_well);
    }
}

/// Where a page table's entry may lead.
fn target(course: &mut Course) -> u64 {
    match course.draw(6) {
        0 => course.spare.as_ptr() as u64 & !(PAGE - 1),
        1 => hole(course) & !(PAGE - 1),
        2 => course.ram_end,
        3 => (1 << 32) + (course.draw((1 << PHYSICAL_BITS) - (1 << 32)) & !(PAGE - 1)),
        4 => 1 << course.draw(PHYSICAL_BITS_MAX).max(32),
        _ => course.draw(1 << PHYSICAL_BITS_MAX) & !(PAGE - 1),
    }
}

/// Maps devices' holes, RAM for the second time and addresses that no processor has; and tables that are
/// themselves where nothing is. Then uses what is mapped.
pub fn page_tables(course: &mut Course) {
    for _ in 0..12 {
        let slot = 4 + course.draw(508) as usize;
        let entry = course.draw(512) as usize;
        let leaf = course.draw(512) as usize;
        let aim = target(course);
        let (mut top, mut middle, mut bottom) =
            (DIRECTORY.address() | LEAF, TABLE.address() | LEAF, aim | LEAF);
        match course.draw(10) {
            0 => top = aim | LEAF,
            1 => middle = aim | LEAF,
            2 => middle = aim & !0x1f_ffff | LEAF | LARGE,
            3 => top = aim & !0x3fff_ffff | LEAF | LARGE,
            4 => bottom = bottom & !2 | course.draw(2) << 63,
            5 => bottom &= !4,
            6 => middle |= 1 << (PHYSICAL_BITS + course.draw(PHYSICAL_BITS_MAX - PHYSICAL_BITS)),
            _ => {}
        }
        // SAFETY: the slots above the identity map are nobody's.
        unsafe { (&raw mut page_pointers[slot]).write_volatile(top) };
        DIRECTORY.set(entry, middle);
        TABLE.set(leaf, bottom);
        course.ring0(ring0::hostile_flush, 0, 0);
        let page = (slot as u64) << 30 | (entry as u64) << 21 | (leaf as u64) << 12;
        for _ in 0..4 {
            let (address, width, value) =
                (page + course.draw(PAGE + 16), course.width(), course.random());
            if value & 1 == 0 {
                course.load(address, width);
            } else {
                course.store(address, width, value);
            }
        }
        // SAFETY: as above.
        unsafe { (&raw mut page_pointers[slot]).write_volatile(0) };
        DIRECTORY.set(entry, 0);
        TABLE.set(leaf, 0);
        course.ring0(ring0::hostile_flush, 0, 0);
    }
}
