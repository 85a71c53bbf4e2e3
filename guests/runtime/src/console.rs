//! The console: a 16550A at 0x3f8. Output is polled, since an exit costs more than the wait; input comes
//! with interrupts on line 4.

use crate::{pic, port};
use core::cell::Cell;
use core::fmt::{self, Write};

/// The first of the UART's eight ports.
pub const BASE: u16 = 0x3f8;
/// The UART's interrupt line.
pub const LINE: u8 = 4;

const IER: u16 = BASE + 1;
const FCR: u16 = BASE + 2;
const LCR: u16 = BASE + 3;
const MCR: u16 = BASE + 4;
const LSR: u16 = BASE + 5;
const SCRATCH: u16 = BASE + 7;

const DATA_READY: u8 = 0x01;
const OVERRUN: u8 = 0x02;
const HOLDING_EMPTY: u8 = 0x20;
const ALL_EMPTY: u8 = 0x40;
const FIFO_BYTES: u8 = 16;

/// One thread in ring 3, and interrupt stubs that never come here: plain cells are enough.
struct Shared {
    present: Cell<bool>,
    /// Bytes that surely fit in the transmit FIFO: 16 less what was written since it was seen empty.
    room: Cell<u8>,
    /// A byte that had come before the FIFOs were on.
    early: Cell<Option<u8>>,
}

// SAFETY: there is one processor and one thread.
unsafe impl Sync for Shared {}

static CONSOLE: Shared =
    Shared { present: Cell::new(false), room: Cell::new(0), early: Cell::new(None) };

/// Finds the UART by its scratch register and sets it up: 115200 8N1, FIFOs on, no interrupts. Without
/// one the console is mute. Turning the FIFOs on empties the receiver, so what it holds is taken
/// out first, in loopback, where nothing follows.
pub fn initialise() {
    let found = [0x5a, 0xa5].iter().all(|&mark| {
        port::write8(SCRATCH, mark);
        port::read8(SCRATCH) == mark
    });
    CONSOLE.present.set(found);
    if !found {
        return;
    }
    port::write8(IER, 0);
    port::write8(LCR, 0x80);
    port::write8(BASE, 1);
    port::write8(BASE + 1, 0);
    port::write8(LCR, 0x03);
    port::write8(MCR, 0x10);
    CONSOLE.early.set(read().map(|received| received.byte));
    port::write8(FCR, 0x07);
    port::write8(MCR, 0x0b);
}

/// Lets input raise line 4, from the first byte on.
pub fn enable_input() {
    port::write8(IER, 1);
    pic::unmask(LINE);
}

/// What the receiver had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// The byte.
    pub byte: u8,
    /// Whether bytes before this one were lost, because nobody took them in time.
    pub lost: bool,
}

/// Takes the next byte of input, if there is one. The first may be there without an interrupt.
pub fn read() -> Option<Received> {
    if !CONSOLE.present.get() {
        return None;
    }
    if let Some(byte) = CONSOLE.early.take() {
        return Some(Received { byte, lost: false });
    }
    let status = port::read8(LSR);
    (status & DATA_READY != 0)
        .then(|| Received { byte: port::read8(BASE), lost: status & OVERRUN != 0 })
}

/// Writes bytes as they are; one look at the line status for each 16 of them.
pub fn write(bytes: &[u8]) {
    if !CONSOLE.present.get() {
        return;
    }
    for &byte in bytes {
        if CONSOLE.room.get() == 0 {
            wait_for(HOLDING_EMPTY);
        }
        port::write8(BASE, byte);
        CONSOLE.room.set(CONSOLE.room.get() - 1);
    }
}

/// Waits until the last byte has left the UART.
pub fn flush() {
    if CONSOLE.present.get() {
        wait_for(ALL_EMPTY);
    }
}

/// Both conditions mean that the FIFO is empty. A UART that is there gets there, so this ends.
fn wait_for(condition: u8) {
    while port::read8(LSR) & condition == 0 {}
    CONSOLE.room.set(FIFO_BYTES);
}

/// Prints formatted text.
pub fn print(text: fmt::Arguments) {
    struct Writer;
    impl Write for Writer {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            write(text.as_bytes());
            Ok(())
        }
    }
    // Writer never fails; a Display that does has printed as far as it came.
    let _ = Writer.write_fmt(text);
}
