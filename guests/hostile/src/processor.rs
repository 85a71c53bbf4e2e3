//! Attacks with the processor: exceptions of all kinds, and what ring 0 can do to its registers.

use crate::course::Course;
use crate::ring0::{self, Code};
use runtime::attempt;

/// Instructions that ring 3 must not, or can't, execute.
pub fn exceptions(course: &mut Course) {
    let spare = course.spare.as_mut_ptr() as u64;
    for _ in 0..16 {
        let value = course.random();
        macro_rules! with {
            ($($instruction:literal),+) => {
                attempt!([$($instruction),+], in("rdi") spare, inout("rax") value => _, out("rcx") _, out("rdx") _)
            };
        }
        // SAFETY: goes on behind an exception, and changes nothing that counts if there is none.
        let went_well = unsafe {
            match course.draw(18) {
                0 => with!("ud2"),
                1 => with!("hlt"),
                2 => with!("mov rax, cr0"),
                3 => with!("mov cr3, rax"),
                4 => with!("mov cr8, rax"),
                5 => with!("lidt [rdi]"),
                6 => with!("invlpg [rdi]"),
                7 => with!("mov ecx, 0x10", "rdmsr"),
                8 => with!("mov ecx, 0xc0000080", "wrmsr"),
                9 => with!("xor ecx, ecx", "div ecx"),
                10 => with!("mov rax, 0x8000000000000000", "mov rax, [rax]"),
                11 => with!("mov eax, 0x1234", "mov fs, eax"),
                12 => with!("mov eax, 0x3b", "mov gs, eax"),
                13 => with!("xor eax, eax", "ltr ax"),
                14 => with!("wbinvd"),
                15 => with!("mov rax, dr7"),
                16 => with!("fldz", "fld1", "fdivrp", "fnclex", "fninit"),
                _ => with!(".byte 0x0f, 0x0b, 0x0f"),
            }
        };
        course.note(went_well);
    }
}

/// MSRs in the ranges where there are some.
const MSR_BASES: [u64; 8] = [0, 0x170, 0x1d0, 0x200, 0x400, 0x4b56_4d00, 0xc000_0080, 0xc001_0000];
/// Those that this guest needs as they are: EFER, and the bases of FS and GS are nobody's.
const EFER: u64 = 0xc000_0080;

/// Reads and writes any model-specific register.
pub fn msrs(course: &mut Course) {
    for _ in 0..16 {
        let base = course.pick(&MSR_BASES);
        let index =
            if course.draw(8) == 0 { course.draw(1 << 32) } else { base + course.draw(0x40) };
        let value = course.random() >> course.draw(64);
        if index == EFER || value & 1 == 0 {
            course.ring0(ring0::hostile_read_msr, index, 0);
        } else {
            course.ring0(ring0::hostile_write_msr, index, value);
        }
    }
}

/// Control and debug registers, with values after which this guest can go on.
pub fn registers(course: &mut Course) {
    for _ in 0..12 {
        let value = course.random() >> course.draw(64);
        let (code, value): (Code, u64) = match course.draw(18) {
            0 => (ring0::hostile_write_cr2, value),
            1 => (ring0::hostile_write_cr8, value & 0x1f),
            2 => (ring0::hostile_write_dr0, value),
            3 => (ring0::hostile_write_dr1, value),
            4 => (ring0::hostile_write_dr2, value),
            5 => (ring0::hostile_write_dr3, value),
            6 => (ring0::hostile_write_dr6, value),
            7 => (ring0::hostile_read_cr8, 0),
            8 => (ring0::hostile_read_dr6, 0),
            9 => (ring0::hostile_invalidate, value),
            10 => (ring0::hostile_flush_caches, 0),
            11 => (ring0::hostile_load_ldt, value & 0xffff),
            12 => (ring0::hostile_read_cr0, 0),
            13 => (ring0::hostile_read_cr2, 0),
            14 => (ring0::hostile_read_cr4, 0),
            15 => (ring0::hostile_read_dr7, 0),
            // Emulation of x87, a task switch: what the next SSE instruction says to that is #UD or #NM.
            16 => (ring0::hostile_machine_status, value & 2 | 1),
            _ => (ring0::hostile_load_tr, value & 0xffff),
        };
        course.ring0(code, 0, value);
    }
    course.ring0(ring0::hostile_load_ldt, 0, 0);
    course.ring0(ring0::hostile_write_cr8, 0, 0);
}
