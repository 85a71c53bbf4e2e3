//! Attacks on the devices: every port, garbage in their registers, storms of their interrupts, the console.

use crate::course::{Course, PORT_WIDTHS, Width};
use crate::ring0;
use runtime::console;
use runtime::port::{read8, write8};

const KEYBOARD: u16 = 0x64;

/// First port and number of ports of each device.
const DEVICES: [(u16, u16); 9] = [
    (0x20, 2),
    (0xa0, 2),
    (0x40, 4),
    (0x61, 1),
    (0x60, 1),
    (KEYBOARD, 1),
    (0x70, 2),
    (0x3f8, 8),
    (0x4d0, 2),
];

/// 256 ports in a row, in every width.
pub fn sweep(course: &mut Course) {
    let first = course.draw(0x1_0000) as u16;
    for at in 0..256 {
        let width = course.pick(&PORT_WIDTHS);
        course.touch_port(first.wrapping_add(at), width);
    }
}

/// Ports anywhere, and those at which the numbers wrap.
pub fn anywhere(course: &mut Course) {
    for _ in 0..64 {
        let (port, width) = (course.random() as u16, course.pick(&PORT_WIDTHS));
        course.touch_port(port, width);
        let last = 0xfffc + course.draw(4) as u16;
        course.touch_port(last, width);
    }
}

/// Garbage into the registers of one device, and around it.
pub fn garbage(course: &mut Course) {
    let device = course.pick(&DEVICES);
    for _ in 0..8 + course.draw(64) {
        poke(course, device);
    }
}

/// Garbage into all of them, in any order.
pub fn garbage_everywhere(course: &mut Course) {
    for _ in 0..64 {
        let device = course.pick(&DEVICES);
        poke(course, device);
    }
}

fn poke(course: &mut Course, (first, count): (u16, u16)) {
    let port = first + course.draw(count.into()) as u16;
    let width = if course.draw(4) == 0 { course.pick(&PORT_WIDTHS) } else { Width::Byte };
    if first != 0x60 && first != KEYBOARD {
        return course.touch_port(port, width);
    }
    match course.random() as u8 {
        // Pulses and the output port reset the machine: that is the end of some courses, not of all.
        value @ (0xd1 | 0xf0..) => {
            course.read_port(port, if value & 1 == 0 { width } else { Width::Byte })
        }
        value if value & 1 == 0 => course.write_port(port, Width::Byte, value.into()),
        _ => course.read_port(port, width),
    }
}

/// The PIT as fast as it goes, the RTC's periodic interrupt and the UART's transmitter, with exits at which they
/// come in.
pub fn storm(course: &mut Course) {
    let sources = 1 + course.draw(7);
    if sources & 1 != 0 {
        let count = 1 + course.draw(40) as u8;
        write8(0x43, 0x14 | (course.draw(2) as u8) << 1);
        write8(0x40, count);
    }
    if sources & 2 != 0 {
        write8(0x70, 0x0a);
        write8(0x71, 0x21 + course.draw(15) as u8);
        write8(0x70, 0x0b);
        write8(0x71, 0x72);
    }
    if sources & 4 != 0 {
        write8(console::BASE + 1, 0x0f);
    }
    let trigger = course.random();
    write8(0x4d0, trigger as u8);
    write8(0x4d1, (trigger >> 8) as u8);
    write8(0x21, 0);
    write8(0xa1, 0);
    for _ in 0..64 {
        match course.draw(8) {
            0 => idle_once(course),
            1 => course.fold(read8(console::BASE + 2).into()),
            2 => {
                write8(0x70, 0x0c);
                course.fold(read8(0x71).into());
            }
            _ => write8(0x80, 0),
        }
    }
    course.fold(ring0::interrupts());
}

/// Halts while the PIT ticks, at any rate.
pub fn idle(course: &mut Course) {
    for _ in 0..4 {
        idle_once(course);
    }
}

/// One halt that an interrupt ends: of a PIT that is slow enough not to be a storm, which would be made quiet.
fn idle_once(course: &mut Course) {
    write8(0x21, 0xff);
    ring0::allow_storm();
    let [low, high] = (2000 + course.draw(6000) as u16).to_le_bytes();
    write8(0x43, 0x34);
    write8(0x40, low);
    write8(0x40, high);
    write8(0x21, 0xfe);
    course.ring0(ring0::hostile_idle, 0, 0);
}

/// Bytes of all kinds to the console, and into its loop.
pub fn flood(course: &mut Course) {
    let looped = course.draw(2) == 0;
    if looped {
        write8(console::BASE + 4, 0x10 | course.draw(16) as u8);
        write8(console::BASE + 1, 0x0f);
        write8(0x21, 0xef);
    }
    for _ in 0..200 {
        let (width, value) = (course.pick(&PORT_WIDTHS), course.random());
        course.write_port(console::BASE, if looped { Width::Byte } else { width }, value);
        if looped && value >> 60 == 0 {
            course.read_port(console::BASE, Width::Long);
        }
    }
}

/// Puts interrupt controllers, console and timer in order again, so that the next attack begins on the same
/// ground and a line can be printed.
pub fn restore() {
    for (port, value) in
        [(0x20, 0x11), (0xa0, 0x11), (0x21, 0x20), (0xa1, 0x28), (0x21, 4), (0xa1, 2)]
    {
        write8(port, value);
    }
    for (port, value) in [(0x21, 1), (0xa1, 1), (0x21, 0xff), (0xa1, 0xff), (0x4d0, 0), (0x4d1, 0)]
    {
        write8(port, value);
    }
    for (register, value) in [(0x0a, 0x26), (0x0b, 0x02)] {
        write8(0x70, register);
        write8(0x71, value);
    }
    write8(console::BASE + 3, 0x03);
    write8(console::BASE + 1, 0);
    console::initialise();
    runtime::clock::start();
}
