//! The PIC pair: masks, request and service registers, poll, priorities, trigger modes, a new start.

use crate::bench::Bench;
use runtime::service;

/// Command and data port of each PIC.
const PICS: [(u16, u16); 2] = [(0x20, 0x21), (0xa0, 0xa1)];
/// The trigger mode registers, with a line of each (5, 10) at which nothing sits.
const TRIGGERS: [(u16, u8); 2] = [(0x4d0, 1 << 5), (0x4d1, 1 << 2)];

/// Masks come and go while interrupts come in.
pub fn masks(bench: &mut Bench) {
    for (_, data) in PICS {
        let before = bench.read8(data);
        for _ in 0..4 {
            let mask = bench.byte();
            bench.write8(data, mask);
            bench.read8(data);
        }
        bench.write8(data, before);
    }
    bench.fold_interrupts();
}

/// The registers behind the command port, and the priorities.
pub fn registers(bench: &mut Bench) {
    for (command, _) in PICS {
        for select in [0x0a, 0x0b] {
            bench.write8(command, select);
            bench.read8(command);
        }
        bench.write8(command, 0x0c);
        if bench.read8(command) & 0x80 != 0 {
            // The poll took an interrupt: end it, as nobody else will.
            bench.write8(command, 0x20);
        }
        let lowest = bench.draw(8) as u8;
        bench.write8(command, 0xc0 | lowest);
        bench.write8(command, 0x68);
        bench.read8(command);
        bench.write8(command, 0x48);
        bench.write8(command, 0xc7);
    }
    for (trigger, line) in TRIGGERS {
        let before = bench.read8(trigger);
        bench.write8(trigger, before | line);
        bench.read8(trigger);
        bench.write8(trigger, before);
    }
}

/// Both PICs from the start.
pub fn restart(bench: &mut Bench) {
    let before = PICS.map(|(_, data)| bench.read8(data));
    service::restart_pics();
    for ((_, data), mask) in PICS.into_iter().zip(before) {
        bench.read8(data);
        bench.write8(data, mask);
    }
}
