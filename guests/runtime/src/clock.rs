//! The guest's clock: the PIT's channel 0 in mode 2, counted in ticks of 11932 / 1193182 s (about 10 ms).

use crate::{interrupts, pic, port};

/// The PIT's input frequency, in Hz.
const INPUT_HZ: u64 = 1_193_182;
/// The divisor of channel 0: the nearest to 100 Hz.
pub const DIVISOR: u16 = 11932;
/// Line 0's vector.
const VECTOR: usize = 0x20;

/// Starts the ticks.
pub fn initialise() {
    start();
    pic::unmask(0);
}

/// Programs channel 0; also to restore it after it was used for something else.
pub fn start() {
    let [low, high] = DIVISOR.to_le_bytes();
    port::write8(0x43, 0x34);
    port::write8(0x40, low);
    port::write8(0x40, high);
}

/// Number of ticks so far.
pub fn ticks() -> u64 {
    interrupts::count(VECTOR)
}

/// Milliseconds since the start, by the ticks counted.
pub fn now_ms() -> u64 {
    ticks() * u64::from(DIVISOR) * 1000 / INPUT_HZ
}
