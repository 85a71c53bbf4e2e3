/** The thread of stall_guard.ts: kicks once a run has taken too long, and again. */
import { kick } from "../../ffi/kick.ts";
import { GuardCell, STALL_MS } from "./stall_guard.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Int32Array<SharedArrayBuffer>>) => void;
};

scope.onmessage = ({ data: cells }) => {
  for (;;) {
    Atomics.wait(cells, GuardCell.run, 0);
    const run = Atomics.load(cells, GuardCell.run);
    if (run === 0) continue;
    if (Atomics.wait(cells, GuardCell.run, run, STALL_MS) !== "timed-out") continue;
    kick({ pid: cells[GuardCell.pid]!, tid: cells[GuardCell.tid]! });
  }
};
