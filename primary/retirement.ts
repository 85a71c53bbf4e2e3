/**
 * The end of a side as a service manager's stop wants it: a handover if it can be, else the guest's end.
 *
 * Called by primary_side.ts, at each of its ticks.
 */

/** What can be done with the side. */
export interface Retiring {
  /** Whether there is a backup to hand over to. */
  isProtected(): boolean;
  /** Asks for a handover, which may come to nothing. */
  handOver(): void;
  /** Ends the guest. */
  stop(why: string): void;
}

/** See the top of the file. */
export class Retirement {
  #wish: { readonly why: string; askedMs: number; readonly untilMs: number } | undefined;

  /** @param retryMs how long a handover may take before it is asked for again */
  constructor(private readonly side: Retiring, private readonly retryMs: number) {}

  /** From now on. @param graceMs how long to wait for a backup to hand over to, if there is none */
  begin(why: string, graceMs: number): void {
    const nowMs = performance.now();
    this.#wish = { why, askedMs: nowMs, untilMs: nowMs + graceMs };
    if (this.side.isProtected()) this.side.handOver();
    else this.tick();
  }

  /** It is to end, perhaps, and has not handed over yet. */
  tick(): void {
    const wish = this.#wish;
    if (wish === undefined) return;
    const nowMs = performance.now();
    if (!this.side.isProtected()) {
      if (nowMs < wish.untilMs) return;
      // There is no backup, or it has left as well.
      this.#wish = undefined;
      this.side.stop(wish.why);
    } else if (nowMs - wish.askedMs > this.retryMs) {
      // A backup has come, or the arbiter is in reach again.
      wish.askedMs = nowMs;
      this.side.handOver();
    }
  }
}
