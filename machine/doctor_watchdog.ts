/**
 * Bounds every run of a probe's guest: a thread of its own that kicks the calling one once the time is
 * over. It is the product's own way to stop a guest (ffi/kick.ts), so that it is itself a probe.
 *
 * ```
 *   calling thread                      doctor_watchdog_worker.ts
 *   TICKET = n, notify, KVM_RUN ──────▶ wait until TICKET changes, at most BOUND_MS
 *   EINTR, FIRED = n?  ◀── kick ─────── FIRED = n; again after BOUND_MS
 *   TICKET = 0                          wait for the next ticket
 *   TICKET = QUIT ────────────────────▶ GONE = 1
 * ```
 *
 * All of it is synchronous: the calling thread never returns to its event loop in between.
 *
 * Called by doctor.ts and doctor_guest.ts.
 */
import { UnavailableError } from "../base/errors.ts";
import { drainKicks, prepareKicks } from "../ffi/kick.ts";
import type { Vcpu } from "../ffi/vcpu.ts";

/** The shared Int32Array's elements. */
export const WatchdogCell = {
  /** The run that is bounded; 0 for none, {@link QUIT} to end. */
  TICKET: 0,
  /** Its bound in milliseconds. */
  BOUND_MS: 1,
  /** Whom to kick. */
  PID: 2,
  /** Whom to kick. */
  TID: 3,
  /** The last run that was kicked. */
  FIRED: 4,
  /** 1 once the thread listens. */
  READY: 5,
  /** 1 once it has ended, and will never kick again. */
  GONE: 6,
} as const;

/** The ticket that ends the watchdog. */
export const QUIT: number = -1;

const CELL_COUNT = 8;

/** A thread starts in some 50 ms; a host may be a hundred times slower for a while. */
const START_TIMEOUT_MS = 5000;

/** The watchdog over one thread's guests, one run at a time. */
export class Watchdog implements Disposable {
  readonly #cells = new Int32Array(new SharedArrayBuffer(4 * CELL_COUNT));
  readonly #worker: Worker;
  #lastTicket = 0;

  /**
   * Starts the thread.
   * @throws UnavailableError if it does not come up
   */
  constructor() {
    const script = new URL("./doctor_watchdog_worker.ts", import.meta.url);
    this.#worker = new Worker(script, { type: "module" });
    // A thread that can't start is our finding, not the end of the process.
    this.#worker.onerror = (event) => event.preventDefault();
    this.#worker.postMessage(this.#cells);
    if (this.#await(WatchdogCell.READY)) return;
    this.#worker.terminate();
    throw new UnavailableError(`no second thread came up within ${START_TIMEOUT_MS} ms`);
  }

  /** Makes `vcpu`, whose guest the calling thread is to run, one that can be stopped. */
  guard(vcpu: Vcpu): void {
    const { pid, tid } = prepareKicks(vcpu);
    Atomics.store(this.#cells, WatchdogCell.PID, pid);
    Atomics.store(this.#cells, WatchdogCell.TID, tid);
  }

  /**
   * Runs the guest of a guarded vCPU until it exits.
   * @returns false if it was stopped because `boundMs` were over
   * @throws OsError
   */
  run(vcpu: Vcpu, boundMs: number): boolean {
    const ticket = ++this.#lastTicket;
    Atomics.store(this.#cells, WatchdogCell.BOUND_MS, boundMs);
    this.#setTicket(ticket);
    try {
      for (;;) {
        if (vcpu.run()) return true;
        drainKicks();
        // A kick that was late for the run before this one is not meant.
        if (Atomics.load(this.#cells, WatchdogCell.FIRED) === ticket) return false;
      }
    } finally {
      this.#setTicket(0);
    }
  }

  /** Ends the thread, and takes the kicks that came too late. */
  [Symbol.dispose](): void {
    this.#setTicket(QUIT);
    this.#await(WatchdogCell.GONE);
    this.#worker.terminate();
    drainKicks();
  }

  #setTicket(ticket: number): void {
    Atomics.store(this.#cells, WatchdogCell.TICKET, ticket);
    Atomics.notify(this.#cells, WatchdogCell.TICKET);
  }

  #await(cell: number): boolean {
    Atomics.wait(this.#cells, cell, 0, START_TIMEOUT_MS);
    return Atomics.load(this.#cells, cell) !== 0;
  }
}
