//! The real-time clock (MC146818) at ports 0x70 and 0x71, if there is one.

use crate::port;

/// Seconds to years, then register B, as one reading.
const CLOCK_REGISTERS: [u8; 7] = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x0b];
/// Readings until two agree. Each takes less than a second, so the second one nearly always does.
const READINGS_MAX: u32 = 4;

/// A date and time of day, as the clock says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WallClock {
    /// Year since 2000.
    pub year: u8,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// Reads one register; 0xff where there is no clock.
fn register(index: u8) -> u8 {
    port::write8(0x70, index);
    port::read8(0x71)
}

/// The wall clock; `None` without a clock, or with one that doesn't stand still for two equal readings.
pub fn wall_clock() -> Option<WallClock> {
    let mut before = CLOCK_REGISTERS.map(register);
    for _ in 1..READINGS_MAX {
        let now = CLOCK_REGISTERS.map(register);
        if now == before {
            return decode(now);
        }
        before = now;
    }
    None
}

/// Takes BCD or binary and 12 or 24 hours, as register B says.
fn decode([second, minute, hour, day, month, year, status]: [u8; 7]) -> Option<WallClock> {
    let number = |value: u8| match status & 0x04 {
        0 => (value >> 4) * 10 + (value & 0x0f),
        _ => value,
    };
    let hour = match status & 0x02 {
        0 => number(hour & 0x7f) % 12 + if hour & 0x80 == 0 { 0 } else { 12 },
        _ => number(hour),
    };
    let clock = WallClock {
        year: number(year),
        month: number(month),
        day: number(day),
        hour,
        minute: number(minute),
        second: number(second),
    };
    let sane = clock.year < 100 && (1..=12).contains(&clock.month) && (1..=31).contains(&clock.day);
    (sane && clock.hour < 24 && clock.minute < 60 && clock.second < 60).then_some(clock)
}
