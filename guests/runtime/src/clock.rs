//! The guest's clock: the PIT's channel 0 in mode 2, its ticks counted. 100 a second, or as many as the
//! command line says with `hz=N`: a host on which every exit is slow has time for fewer.

use crate::{console, interrupts, pic, port, service, start_info};
use core::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// The PIT's input frequency, in Hz.
const INPUT_HZ: u64 = 1_193_182;
/// The divisor of channel 0 by default: a tick is no shorter than 10 ms.
const DIVISOR: u16 = divisor(100);
/// What the PIT's 16 bits allow, and what a guest has time for: ticks a second.
const RATES: core::ops::RangeInclusive<u32> = 19..=1000;
/// The guest's end if its command line asks for another rate.
const USAGE: u8 = 2;

static CHOSEN_DIVISOR: AtomicU16 = AtomicU16::new(DIVISOR);

const fn divisor(hz: u32) -> u16 {
    INPUT_HZ.div_ceil(hz as u64) as u16
}

/// Line 0's vector.
const VECTOR: usize = 0x20;

/// Starts the ticks, at the rate that the command line asks for.
pub fn initialise() {
    if let Some(text) = start_info::option("hz") {
        let Some(hz) = text.parse().ok().filter(|hz| RATES.contains(hz)) else {
            console::print(format_args!("hz={text}: expected 19 to 1000, ticks a second\n"));
            service::exit(USAGE);
        };
        CHOSEN_DIVISOR.store(divisor(hz), Relaxed);
    }
    start();
    pic::unmask(0);
}

/// Programs channel 0; also to restore it after it was used for something else.
pub fn start() {
    let [low, high] = CHOSEN_DIVISOR.load(Relaxed).to_le_bytes();
    port::write8(0x43, 0x34);
    port::write8(0x40, low);
    port::write8(0x40, high);
}

/// Stops the ticks for good: channel 0 waits for a count that never comes.
pub fn stop() {
    pic::mask_all();
    port::write8(0x43, 0x30);
}

/// Number of ticks so far.
pub fn ticks() -> u64 {
    interrupts::count(VECTOR)
}

/// Milliseconds since the start, by the ticks counted.
pub fn now_ms() -> u64 {
    ms(ticks())
}

/// Milliseconds that so many ticks take.
pub fn ms(ticks: u64) -> u64 {
    ticks * u64::from(CHOSEN_DIVISOR.load(Relaxed)) * 1000 / INPUT_HZ
}
