/**
 * The vCPU's thread of kick_test.ts: runs a guest that spins, posts whom to kick, and counts the kicks
 * in the shared array that it is sent. After as many as the second element says, it stops, says so, and
 * waits to be terminated.
 */
import { drainKicks, prepareKicks } from "./kick.ts";
import { TinyGuest } from "./testing.ts";

// The libraries of a worker are not those that this file is checked with.
const worker = globalThis as unknown as {
  onmessage: (event: MessageEvent<Int32Array>) => void;
  postMessage(message: unknown): void;
};

worker.onmessage = ({ data: shared }) => {
  using guest = new TinyGuest([0xeb, 0xfe]); // jmp $
  worker.postMessage(prepareKicks(guest.vcpu));
  while (Atomics.load(shared, 0) < shared[1]!) {
    if (guest.vcpu.run()) throw new Error(`the guest exited: ${guest.vcpu.exit().kind}`);
    Atomics.add(shared, 0, drainKicks());
    Atomics.notify(shared, 0);
  }
  worker.postMessage("stopped");
};
