/**
 * The watchdog's thread: see doctor_watchdog.ts, which starts it, for the drawing.
 */
import { kick } from "../ffi/kick.ts";
import { QUIT, WatchdogCell } from "./doctor_watchdog.ts";

// The libraries of a worker are not those that this file is checked with.
const worker = globalThis as unknown as {
  onmessage: (event: MessageEvent<Int32Array<SharedArrayBuffer>>) => void;
  close(): void;
};

worker.onmessage = ({ data: cells }) => {
  announce(cells, WatchdogCell.READY);
  for (;;) {
    Atomics.wait(cells, WatchdogCell.TICKET, 0);
    const ticket = Atomics.load(cells, WatchdogCell.TICKET);
    if (ticket === QUIT) break;
    if (ticket === 0) continue;
    const boundMs = Atomics.load(cells, WatchdogCell.BOUND_MS);
    if (Atomics.wait(cells, WatchdogCell.TICKET, ticket, boundMs) !== "timed-out") continue;
    Atomics.store(cells, WatchdogCell.FIRED, ticket);
    const [pid, tid] = [WatchdogCell.PID, WatchdogCell.TID].map((cell) =>
      Atomics.load(cells, cell)
    );
    kick({ pid: pid!, tid: tid! });
  }
  announce(cells, WatchdogCell.GONE);
  worker.close();
};

function announce(cells: Int32Array<SharedArrayBuffer>, cell: number): void {
  Atomics.store(cells, cell, 1);
  Atomics.notify(cells, cell);
}
