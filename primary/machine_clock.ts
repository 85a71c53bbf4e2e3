/**
 * Where the recorder's time comes from: the host's monotonic clock, made into the machine's.
 *
 * The machine's clock never goes back and never leaps: after a stop of the host, a pause, or a takeover
 * it goes on from where it was and catches up at a fixed rate (an eighth faster), so that a guest sees
 * a clock that runs a little fast, not one that jumps over its timers.
 *
 * Called by the recorder in the vCPU's own thread.
 */
import { clockSlewShare, clockStepMaxUs } from "../base/limits.ts";
import { HostClock } from "../ffi/host_clock.ts";

/** A clock in microseconds. */
export class MachineClock {
  readonly #host: Pick<HostClock, "elapsedNs">;
  #hostUs = 0;
  #us: number;
  #lagUs: number;

  /**
   * @param startUs the machine's clock now
   * @param lagUs how far that is behind (negative: ahead of) what it ought to be
   * @param host what it is made from
   */
  constructor(
    startUs: number,
    lagUs: number,
    host: Pick<HostClock, "elapsedNs"> = new HostClock(),
  ) {
    this.#host = host;
    this.#us = startUs;
    this.#lagUs = lagUs;
  }

  /** Catches up at once: only before the guest has started, when nothing in it measures time yet. */
  catchUp(): void {
    this.nowUs();
    this.#us += this.#lagUs;
    this.#lagUs = 0;
  }

  /** What the machine's clock ought to show now, in whole microseconds. */
  nowUs(): number {
    const hostUs = this.#host.elapsedNs() / 1000;
    const elapsedUs = hostUs - this.#hostUs;
    this.#hostUs = hostUs;
    const stepUs = Math.min(elapsedUs, clockStepMaxUs);
    this.#lagUs += elapsedUs - stepUs;
    const slewMaxUs = stepUs * clockSlewShare;
    const slewUs = Math.max(-slewMaxUs, Math.min(slewMaxUs, this.#lagUs));
    this.#lagUs -= slewUs;
    this.#us += stepUs + slewUs;
    return Math.floor(this.#us);
  }
}
