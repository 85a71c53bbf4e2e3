//! The UART: every register, and all four of its interrupts in loopback. The console's own settings are
//! restored, and nothing is touched before its last byte has left.

use crate::bench::Bench;
use runtime::console::{self, BASE};

pub use runtime::console::LINE;

const IER: u16 = BASE + 1;
/// Interrupt identification when read, FIFO control when written.
const IIR: u16 = BASE + 2;
const LCR: u16 = BASE + 3;
const MCR: u16 = BASE + 4;
const LSR: u16 = BASE + 5;
const MSR: u16 = BASE + 6;
const SCRATCH: u16 = BASE + 7;
const FIFO_BYTES: u64 = 16;

/// Scratch, divisor, line and FIFO control, status; by wide reads too.
pub fn registers(bench: &mut Bench) {
    console::flush();
    let (scratch, divisor, word) = (bench.byte(), bench.random() as u16, bench.draw(0x40) as u8);
    bench.write8(SCRATCH, scratch);
    bench.read8(SCRATCH);
    bench.write8(LCR, 0x80 | word);
    let [low, high] = divisor.to_le_bytes();
    bench.write8(BASE, low);
    bench.write8(IER, high);
    bench.read8(BASE);
    bench.read8(IER);
    bench.read8(LCR);
    let trigger = bench.draw(4) as u8;
    for control in [0x00, 0x01 | trigger << 6, 0x07] {
        bench.write8(IIR, control);
        bench.read8(IIR);
    }
    bench.write8(MSR, scratch);
    bench.write8(LSR, 0x60);
    bench.read16(MSR);
    bench.read32(MCR);
    bench.write16(MSR, u16::from_le_bytes([0, !scratch]));
    bench.read8(SCRATCH);
    restore(bench);
}

/// Bytes and modem lines that come back in, with all interrupts on.
pub fn loopback(bench: &mut Bench) {
    console::flush();
    bench.write8(MCR, 0x1a);
    bench.write8(IER, 0x0f);
    let trigger = bench.draw(4) as u8;
    bench.write8(IIR, 0x07 | trigger << 6);
    for _ in 0..1 + bench.draw(FIFO_BYTES) {
        let byte = bench.byte();
        bench.write8(BASE, byte);
    }
    acknowledge(bench);
    for _ in 0..4 {
        let lines = bench.draw(16) as u8;
        bench.write8(MCR, 0x10 | lines);
        bench.read8(MSR);
        acknowledge(bench);
    }
    bench.read8(MCR);
    for _ in 0..FIFO_BYTES {
        if bench.read8(LSR) & 1 == 0 {
            break;
        }
        bench.read8(BASE);
    }
    bench.fold_interrupts();
    console::flush();
    restore(bench);
}

/// Raises line 4 by an empty transmitter and leaves it to [`quiet`] to take it back.
pub fn raise(bench: &mut Bench) {
    bench.write8(IER, 0x02);
}

/// Ends what [`raise`] began.
pub fn quiet(bench: &mut Bench) {
    bench.read8(IIR);
    bench.write8(IER, 0);
}

/// Reads what the UART wants, as a driver would, for a while.
fn acknowledge(bench: &mut Bench) {
    for _ in 0..4 {
        match bench.read8(IIR) & 0x0f {
            0x00 => bench.read8(MSR),
            0x04 | 0x0c => bench.read8(BASE),
            0x06 => bench.read8(LSR),
            0x02 => continue,
            _ => break,
        };
    }
}

fn restore(bench: &mut Bench) {
    bench.write8(LCR, 0x80);
    bench.write8(BASE, 1);
    bench.write8(IER, 0);
    bench.write8(LCR, 0x03);
    bench.write8(IER, 0);
    bench.write8(IIR, 0x07);
    bench.write8(MCR, 0x0b);
    bench.read8(MSR);
    bench.read8(LSR);
}
