/** The thread of wire_watch.ts: says which episode hangs, and ends the process. */
import { EPISODE_MS } from "./wire_watch.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ cells: Int32Array<SharedArrayBuffer>; seed: number }>) => void;
};

scope.onmessage = ({ data: { cells, seed } }) => {
  for (;;) {
    const episode = Atomics.load(cells, 0);
    if (Atomics.wait(cells, 0, episode, EPISODE_MS) !== "timed-out") continue;
    if (Atomics.load(cells, 0) !== episode) continue;
    console.error(`seed ${seed}: episode ${episode} hangs`);
    Deno.kill(Deno.pid, "SIGKILL");
  }
};
