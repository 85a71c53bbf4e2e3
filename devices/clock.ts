/**
 * The machine clock, and how the board's oscillators follow it.
 *
 * The machine clock is an integer number of microseconds since the machine's first instruction. It
 * moves in no other way than by a `time` event, so an oscillator is no counter that runs but a pure
 * function of the clock: its tick n has happened at clock T when n <= floor(T * hz / 1e6). Nothing is
 * added up, so nothing drifts. The products are split at whole seconds to stay exact in a double.
 *
 * Called by the devices that keep time (PIT, RTC) and by the board.
 */
import { assert } from "../base/assert.ts";

/** Microseconds in a second. */
export const US_PER_SECOND = 1_000_000;

/**
 * The last value of the machine clock, in microseconds: 2^52, some 142 years. At the PIT's rate that
 * is 5.4e15 ticks, so that ticks too stay below 2^53 with room for a count ahead.
 */
export const MAX_CLOCK_US = 2 ** 52;

/** The most ticks that an oscillator of this board has made at {@link MAX_CLOCK_US}. */
export const MAX_TICK = 5_500_000_000_000_000;

/** Ticks that an oscillator of `hz` (at most 2 MHz) has made `us` microseconds after its start. */
export function ticksAt(us: number, hz: number): number {
  const rest = us % US_PER_SECOND;
  return (us - rest) / US_PER_SECOND * hz + Math.floor(rest * hz / US_PER_SECOND);
}

/** The first whole microsecond at which tick `tick` of an oscillator of `hz` has happened. */
export function usOfTick(tick: number, hz: number): number {
  const rest = tick % hz;
  return (tick - rest) / hz * US_PER_SECOND + Math.ceil(rest * US_PER_SECOND / hz);
}

/**
 * Asserts what callers of `advance` promise: the clock is an integer, never goes back, and never
 * passes the next deadline (or a tick would be swallowed).
 */
export function assertAdvance(fromUs: number, toUs: number, deadlineUs: number): void {
  assert(
    Number.isInteger(toUs) && toUs >= fromUs && toUs <= deadlineUs && toUs <= MAX_CLOCK_US,
    `the clock would move from ${fromUs} to ${toUs} us, the deadline is ${deadlineUs} us`,
  );
}
