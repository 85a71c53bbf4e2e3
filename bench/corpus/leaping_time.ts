/**
 * A host's time in which waiting takes hardly any: what passes while a guest runs is the host's own time, but most of
 * a wait that nothing ends early is leapt over.
 *
 * A clock that simply ran faster would make the guest slow: the stretches between two waits would be as many times too
 * long as the clock is too fast, and a log shows those. The rest of a wait is waited for, so that it ends as late as
 * the waits of this host do.
 *
 * Used by idle_worker.ts.
 */
import { HostClock } from "../../ffi/host_clock.ts";
import type { Channel } from "../../machine/channel.ts";

/** How much of a wait is real. */
const REAL_WAIT_MS = 0.02;

/** See the top of the file. */
export class LeapingTime {
  #leaptNs = 0;

  /** @param host the host's own time; tests have their own */
  constructor(private readonly host: Pick<HostClock, "elapsedNs"> = new HostClock()) {}

  /** Nanoseconds since it was made. */
  elapsedNs(): number {
    return this.host.elapsedNs() + this.#leaptNs;
  }

  /** From now on this end of a channel waits in this time. */
  leapOver(channel: Pick<Channel, "wait">): void {
    const wait = channel.wait.bind(channel);
    channel.wait = (timeoutMs = Infinity) => {
      // What has no end of its own can't be leapt over.
      if (!(timeoutMs > REAL_WAIT_MS && timeoutMs < Infinity)) return wait(timeoutMs);
      const startNs = this.host.elapsedNs();
      wait(REAL_WAIT_MS);
      const hasRung = this.host.elapsedNs() - startNs < REAL_WAIT_MS * 1e6;
      if (!hasRung) this.#leaptNs += (timeoutMs - REAL_WAIT_MS) * 1e6;
    };
  }
}
