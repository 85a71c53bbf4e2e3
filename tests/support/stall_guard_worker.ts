/** The thread of stall_guard.ts: kicks once a run has taken too long, and again. */
import { kick } from "../../ffi/kick.ts";
import { GUARD_IS_OVER, GuardCell } from "./stall_guard.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Int32Array<SharedArrayBuffer>>) => void;
  postMessage(message: unknown): void;
  close(): void;
};

scope.onmessage = ({ data: cells }) => {
  scope.postMessage("ready");
  for (;;) {
    const run = Atomics.load(cells, GuardCell.run);
    if (run === GUARD_IS_OVER) break;
    const patienceMs = run === 0 ? Infinity : cells[GuardCell.patience];
    if (Atomics.wait(cells, GuardCell.run, run, patienceMs) !== "timed-out") continue;
    kick({ pid: cells[GuardCell.pid]!, tid: cells[GuardCell.tid]! });
  }
  scope.close();
};
