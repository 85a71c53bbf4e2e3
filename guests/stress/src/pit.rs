//! The PIT: its three channels, all modes, latches and status, and the speaker port that gates channel 2.

use crate::bench::Bench;
use runtime::{clock, interrupts, service};

const CONTROL: u16 = 0x43;
const SPEAKER: u16 = 0x61;

fn channel_port(channel: u8) -> u16 {
    0x40 + u16::from(channel)
}

fn program(bench: &mut Bench, channel: u8, mode: u8, count: u16) {
    let [low, high] = count.to_le_bytes();
    bench.write8(CONTROL, channel << 6 | 0x30 | mode << 1);
    bench.write8(channel_port(channel), low);
    bench.write8(channel_port(channel), high);
}

/// Latches and reads the running counters, by the old way and by read-back.
pub fn readings(bench: &mut Bench) {
    for channel in 0..3 {
        let port = channel_port(channel);
        bench.write8(CONTROL, channel << 6);
        bench.read8(port);
        bench.read8(port);
        bench.write8(CONTROL, 0xc0 | 2 << channel);
        for _ in 0..3 {
            bench.read8(port);
        }
        bench.write8(CONTROL, 0xe0 | 2 << channel);
        bench.read8(port);
    }
    bench.read8(CONTROL);
}

/// Channels 1 and 2 in any mode, one-byte and two-byte access, gate up and down; channel 0 for a moment
/// as a one-shot.
pub fn channels(bench: &mut Bench) {
    let speaker = bench.read8(SPEAKER);
    for channel in [1, 2] {
        let (mode, count) = (bench.draw(6) as u8, bench.random() as u16);
        bench.write8(SPEAKER, speaker & !3);
        program(bench, channel, mode, count);
        for gate in [1, 0, 1] {
            bench.write8(SPEAKER, speaker & !3 | gate);
            bench.read8(SPEAKER);
            bench.write8(CONTROL, 0xc0 | 2 << channel);
            for _ in 0..3 {
                bench.read8(channel_port(channel));
            }
        }
        let access = 1 + bench.draw(2) as u8;
        let low = bench.byte();
        bench.write8(CONTROL, channel << 6 | access << 4 | mode << 1);
        bench.write8(channel_port(channel), low);
        bench.read8(channel_port(channel));
    }
    bench.write8(SPEAKER, speaker);
    let (mode, count) = (bench.draw(2) as u8 * 4, 200 + bench.draw(2000) as u16);
    program(bench, 0, mode, count);
    for _ in 0..8 {
        bench.write8(CONTROL, 0xe2);
        bench.read8(channel_port(0));
    }
    clock::start();
    bench.fold_interrupts();
}

/// Channel 0 at another rate (300 to 1200 Hz), for some ticks.
pub fn tick_rate(bench: &mut Bench) {
    let (mode, count) = (2 + bench.draw(2) as u8, 1000 + bench.draw(3000) as u16);
    let mut seen = interrupts::total();
    program(bench, 0, mode, count);
    for _ in 0..1 + bench.draw(4) {
        service::idle(seen);
        seen = interrupts::total();
        bench.fold_interrupts();
        bench.write8(CONTROL, 0);
        bench.read8(channel_port(0));
        bench.read8(channel_port(0));
    }
    clock::start();
}
