/**
 * The host's monotonic clock, read synchronously in the calling thread (the vDSO makes it cheap).
 *
 * Called by the recorder, in the vCPU's thread: answers become `time` events.
 */
import { check, CLOCK_MONOTONIC, libc } from "./libc.ts";

/** Time since this clock was made. */
export class HostClock {
  /** A struct timespec. */
  readonly #now = new BigInt64Array(2);
  readonly #parts = new Uint32Array(this.#now.buffer);
  readonly #originS: number;
  readonly #originNs: number;

  /** Starts at 0 now. */
  constructor() {
    this.#read();
    this.#originS = this.#parts[0]!;
    this.#originNs = this.#parts[2]!;
  }

  /** Nanoseconds since the clock was made; exact for the 104 days that a safe number holds. */
  elapsedNs(): number {
    this.#read();
    return (this.#parts[0]! - this.#originS) * 1e9 + (this.#parts[2]! - this.#originNs);
  }

  /** Seconds are read as 32 bits: the clock counts from the host's boot. */
  #read(): void {
    check(libc.clock_gettime(CLOCK_MONOTONIC, this.#now), "clock_gettime");
  }
}
