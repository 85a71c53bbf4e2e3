/**
 * Stops a replay in this thread that never comes back: a bit that is flipped early can make the guest
 * spin. A thread of its own kicks this one, as main kicks a backup's vCPU thread (DESIGN.md 5.12).
 *
 * Called by replay_test.ts.
 */
import { prepareKicks } from "../../ffi/kick.ts";
import type { Vcpu } from "../../ffi/vcpu.ts";

/** The replay was stopped. */
export class StalledError extends Error {}

/** What {@link StallGuard} and its thread share: an Int32Array of three. */
export const GuardCell = {
  /** The run that is guarded; 0 for none. */
  run: 0,
  pid: 1,
  tid: 2,
} as const;

/** A hundred times what a test's replay takes. One that is only slow is stopped as well: no harm. */
export const STALL_MS = 10_000;

/** Guards the runs of this thread, one at a time. */
export class StallGuard implements Disposable {
  readonly #cells = new Int32Array(new SharedArrayBuffer(12));
  readonly #worker: Worker;
  #runs = 0;

  constructor() {
    this.#worker = new Worker(new URL("./stall_guard_worker.ts", import.meta.url), {
      type: "module",
    });
    this.#worker.postMessage(this.#cells);
  }

  /** From now on this thread's runs of `vcpu` are stopped when they have taken {@link STALL_MS}. */
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
    this.#worker.terminate();
  }

  #set(run: number): void {
    Atomics.store(this.#cells, GuardCell.run, run);
    Atomics.notify(this.#cells, GuardCell.run);
  }
}
