//! How a course ends: most ways are the end of the guest as well.

use crate::course::{Course, PORT_WIDTHS, Width};
use crate::{memory, ring0};
use runtime::port::write8;
use runtime::{attempt, console};

/// A way to end.
pub type Finale = (&'static str, fn(&mut Course));

/// All of them. Those that come back are followed by `done`.
pub const FINALES: [Finale; 20] = [
    ("done", |_| {}),
    ("reset", |course| {
        let value = 0xf0 | course.draw(8) << 1;
        course.write_port(0x64, Width::Byte, value);
    }),
    ("reset by the output port", |course| {
        write8(0x64, 0xd1);
        let value = course.random() & 0xfe;
        course.write_port(0x60, Width::Byte, value);
    }),
    ("debug exit", |course| {
        let (width, value) = (course.pick(&PORT_WIDTHS), course.random() >> course.draw(64));
        let port = 0xf4 - course.draw(if width == Width::Long { 4 } else { 1 }) as u16;
        course.write_port(port, width, value);
    }),
    ("triple fault", |course| course.ring0(ring0::hostile_triple_fault, 0, 0)),
    ("halt with interrupts off", |course| course.ring0(ring0::hostile_halt, 0, 0)),
    ("halt for nothing", |course| {
        write8(0x21, 0xff);
        write8(0xa1, 0xff);
        course.ring0(ring0::hostile_idle, 0, 0);
    }),
    ("spin", |_| {
        loop {
            core::hint::spin_loop();
        }
    }),
    ("storm", |_| {
        for (port, value) in [(0x43, 0x14), (0x40, 2), (0x21, 0xfe)] {
            write8(port, value);
        }
        for _ in 0..1_000_000 {
            ring0::allow_storm();
            write8(0x80, 0);
        }
    }),
    ("what nobody emulates", memory::not_emulated),
    ("jump into a hole", jump),
    ("stack in a hole", stack),
    ("ring 0's stack in a hole", |course| {
        let value = course.ram_end + course.draw(1 << 28);
        course.ring0(ring0::hostile_push, 0, value);
    }),
    ("the task state's stack in a hole", task_state),
    ("no page tables", |course| {
        let value = course.random() >> course.draw(64) & !0xfff;
        course.ring0(ring0::hostile_write_cr3, 0, value);
    }),
    ("CR0 and CR4", |course| {
        for _ in 0..16 {
            let (first, second) =
                (0x8001_0033 ^ 1 << course.draw(64), 0x620 ^ 1 << course.draw(64));
            course.ring0(ring0::hostile_write_cr4, 0, second);
            course.ring0(ring0::hostile_write_cr0, 0, first);
        }
    }),
    ("return to anywhere", |course| {
        let (selector, address) = (course.draw(0x50), course.random() >> course.draw(64));
        course.ring0(ring0::hostile_return, selector, address);
    }),
    ("other descriptors", |course| {
        let value = course.random() >> course.draw(48);
        course.ring0(ring0::hostile_load_gdt, 0, value);
        course.ring0(ring0::hostile_flush, 0, 0);
    }),
    ("breakpoints", |course| {
        let value = course.random() & 0xffff_00ff | 0x400;
        course.ring0(ring0::hostile_write_dr0, 0, &raw const tss as u64);
        course.ring0(ring0::hostile_write_dr7, 0, value);
        // SAFETY: reads.
        course.fold(unsafe { (&raw const tss[0]).read_volatile() }.into());
    }),
    ("trample", trample),
];

/// Executes what no memory is behind.
fn jump(course: &mut Course) {
    let address = course.ram_end + course.draw((1 << 32) - course.ram_end);
    // SAFETY: goes on behind an exception, with the stack that was.
    let went_well = unsafe {
        attempt!(["mov qword ptr [{keep}], rsp", "call rdi"], in("rdi") address, keep = sym ring0::hostile_stack,
            out("rax") _, out("rcx") _, out("rdx") _)
    };
    course.note(went_well);
}

/// Pushes to where no memory is, and lets interrupts come in meanwhile.
fn stack(course: &mut Course) {
    let address = course.ram_end + 0x1000 + course.draw(1 << 28);
    runtime::pic::unmask(0);
    // SAFETY: as in jump.
    let went_well = unsafe {
        attempt!(["mov qword ptr [{keep}], rsp", "mov rsp, rdi", "push rax", "push rax", "out 0x80, al", "pop rax",
            "ret"], in("rdi") address, keep = sym ring0::hostile_stack, out("rax") _)
    };
    course.note(went_well);
}

unsafe extern "C" {
    static mut tss: [u32; 26];
}

/// The next interrupt is to push its frame to where no memory is.
fn task_state(course: &mut Course) {
    let address = course.ram_end + 0x1000 + course.draw(1 << 28);
    // SAFETY: nothing of ours uses ring 0 from here on.
    unsafe { (&raw mut tss[1]).write_volatile(address as u32) };
    course.ring0(ring0::hostile_flush, 0, 0);
}

unsafe extern "C" {
    static page_pointers: [u64; 512];
    static image_end: u8;
}

/// Bytes that are not written: in front of or behind others they make instructions whose results no log has.
const NOT_WRITTEN: [u8; 12] =
    [0x0f, 0x01, 0x03, 0x05, 0x31, 0x32, 0x33, 0x34, 0xa2, 0xa7, 0xae, 0xc7];

/// Writes all over RAM, this code included, but for the page tables: when a processor looks at those is its own
/// affair.
fn trample(course: &mut Course) {
    let tables = &raw const page_pointers as u64 - 0x1000;
    for _ in 0..200_000 {
        let value = course.random();
        let address = value % &raw const image_end as u64;
        let byte = (value >> 56) as u8;
        if !(tables..tables + 0x6000).contains(&address) && !NOT_WRITTEN.contains(&byte) {
            // SAFETY: none.
            unsafe { (address as *mut u8).write_volatile(byte) };
        }
    }
    console::print(format_args!("trampled\n"));
}
