//! The real-time clock: its registers, alarm, battery memory and periodic interrupt.

use crate::bench::Bench;
use runtime::{interrupts, service};

/// Its interrupt line.
pub const LINE: u8 = 8;

const VECTOR: usize = 0x28;
const INDEX: u16 = 0x70;
const DATA: u16 = 0x71;
const A: u8 = 0x0a;
const B: u8 = 0x0b;
const C: u8 = 0x0c;
/// Most wakes to wait for a periodic interrupt; without a clock the PIT's ticks use them up.
const WAKES_MAX: u32 = 6;

fn read(bench: &mut Bench, register: u8) -> u8 {
    bench.write8(INDEX, register);
    bench.read8(DATA)
}

fn write(bench: &mut Bench, register: u8, value: u8) {
    bench.write8(INDEX, register);
    bench.write8(DATA, value);
}

/// Reads time, date, alarm and status; sets an alarm and, with updates stopped, the seconds.
pub fn clock(bench: &mut Bench) {
    for register in 0x00..=0x0d {
        read(bench, register);
    }
    for alarm in [0x01, 0x03, 0x05] {
        let value = bench.draw(10) as u8;
        write(bench, alarm, value);
        read(bench, alarm);
    }
    let status = read(bench, B);
    write(bench, B, status | 0x80);
    let seconds = bench.draw(10) as u8;
    write(bench, 0x00, seconds);
    write(bench, B, status & !0x80);
    read(bench, 0x00);
    bench.read8(INDEX);
}

/// The battery memory, above what firmware uses; the last byte by one wide access.
pub fn memory(bench: &mut Bench) {
    for _ in 0..8 {
        let (register, value) = (0x40 + bench.draw(0x10) as u8, bench.byte());
        write(bench, register, value);
        read(bench, register);
    }
    let value = bench.byte();
    bench.write16(INDEX, u16::from_le_bytes([0x4f, value]));
    bench.read8(DATA);
    bench.read16(INDEX);
}

/// The periodic interrupt at 128 to 1024 Hz, until two came. Each is acknowledged by reading register C.
pub fn periodic(bench: &mut Bench) {
    let status = start(bench);
    let goal = interrupts::count(VECTOR) + 2;
    for _ in 0..WAKES_MAX {
        let seen = interrupts::total();
        read(bench, C);
        if interrupts::count(VECTOR) >= goal {
            break;
        }
        service::idle(seen);
        bench.fold_interrupts();
    }
    stop(bench, status);
}

/// Turns the periodic interrupt on; gives what register B was.
pub fn start(bench: &mut Bench) -> u8 {
    let rate = 6 + bench.draw(4) as u8;
    write(bench, A, 0x20 | rate);
    let status = read(bench, B);
    write(bench, B, status | 0x40);
    read(bench, C);
    status
}

/// Turns it off again.
pub fn stop(bench: &mut Bench, status: u8) {
    write(bench, B, status & !0x40);
    write(bench, A, 0x26);
    read(bench, C);
}
