//! The ledger in its machine: the console to its bytes, the clock to its ticks. For `ledger` and for `rogue`.

use crate::{Ledger, Time, World};
use runtime::{clock, console, interrupts, rtc, service};

/// The console's interrupt vector.
const CONSOLE_VECTOR: usize = 0x20 + console::LINE as usize;

/// Ticks of the clock from one tick line to the next.
const TICKS_A_LINE: u64 = 10;

/// Serves the console until somebody says `quit`; gives the guest's code.
pub fn serve<W: World>(world: &mut W) -> u8 {
    let mut ledger = Ledger::new(clock::ms(TICKS_A_LINE));
    console::enable_input();
    console::write(ledger.boot());
    let mut drained_at = u64::MAX; // the first byte may have come without an interrupt
    loop {
        let seen = interrupts::total();
        let inputs = interrupts::count(CONSOLE_VECTOR);
        if inputs != drained_at {
            drained_at = inputs;
            while let Some(received) = console::read() {
                if let Some(reply) = ledger.receive(received.byte, received.lost, world) {
                    console::write(reply.line);
                    if reply.end {
                        return 0;
                    }
                    print_ticks(&mut ledger);
                }
            }
        }
        print_ticks(&mut ledger);
        service::idle(seen);
    }
}

fn print_ticks(ledger: &mut Ledger) {
    while let Some(line) = ledger.tick(clock::now_ms()) {
        console::write(line);
    }
}

/// What time it is in the machine.
pub fn time() -> Time {
    Time {
        ms: clock::now_ms(),
        wall: rtc::wall_clock()
            .map(|wall| [wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second]),
    }
}
