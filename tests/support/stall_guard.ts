/**
 * Stops a replay in this thread that never comes back: a bit that is flipped early can make the guest
 * spin. A thread of its own kicks this one, as main kicks a backup's vCPU thread (DESIGN.md 5.12).
 *
 * With a short patience it is a timer that stops a guest again and again, wherever it is.
 *
 * Called by replay_test.ts, spin_test.ts and support/hostile.ts.
 */
import { prepareKicks } from "../../ffi/kick.ts";
import type { Vcpu } from "../../ffi/vcpu.ts";

/** The replay was stopped. */
export class StalledError extends Error {}

/** What {@link StallGuard} and its thread share: an Int32Array of four. */
export const GuardCell = {
  /** The run that is guarded; 0 for none, or {@link GUARD_IS_OVER}. */
  run: 0,
  pid: 1,
  tid: 2,
  /** Milliseconds from the run's begin, or the last kick, to the next one. */
  patience: 3,
} as const;

/** There will be no run any more. */
export const GUARD_IS_OVER = -1;

/** A hundred times what a test's replay takes. One that is only slow is stopped as well: no harm. */
const STALL_MS = 10_000;

/** Guards the runs of this thread, one at a time. */
export class StallGuard implements Disposable {
  readonly #cells = new Int32Array(new SharedArrayBuffer(16));
  readonly #worker: Worker;
  #runs = 0;
  /** The thread is there. It is not before this one has waited for it. */
  readonly ready: Promise<void>;

  /** @param patienceMs how long a run may take, and how often it is kicked from then on */
  constructor(patienceMs = STALL_MS) {
    this.#cells[GuardCell.patience] = patienceMs;
    this.#worker = new Worker(new URL("./stall_guard_worker.ts", import.meta.url), {
      type: "module",
    });
    this.ready = new Promise((resolve) => this.#worker.onmessage = () => resolve());
    this.#worker.postMessage(this.#cells);
  }

  /** From now on this thread's runs of `vcpu` are stopped when they have taken too long. */
  begin(vcpu: Vcpu): void {
    const { pid, tid } = prepareKicks(vcpu);
    this.#cells.set([pid, tid], GuardCell.pid);
    this.#set(++this.#runs);
  }

  /** The guarded run is over. */
  end(): void {
    this.#set(0);
  }

  [Symbol.dispose](): void {
    // It ends itself: one that waits here is not woken by being terminated, and would keep the process.
    this.#set(GUARD_IS_OVER);
  }

  #set(run: number): void {
    Atomics.store(this.#cells, GuardCell.run, run);
    Atomics.notify(this.#cells, GuardCell.run);
  }
}
