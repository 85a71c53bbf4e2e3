import assert from "node:assert/strict";
import { LeapingTime } from "./leaping_time.ts";

const SECOND_NS = 1e9;

/** Waits by the host's clock, at most so long as asked: `wait` of a channel that has nothing to say. */
function waitFor(ms = Infinity): void {
  const endMs = performance.now() + ms;
  while (performance.now() <= endMs);
}

Deno.test("a long wait passes in a moment, as long as it was", () => {
  const time = new LeapingTime();
  const channel = { wait: waitFor };
  time.leapOver(channel);
  const beforeNs = time.elapsedNs();
  for (let second = 0; second < 1000; second++) channel.wait(1000);
  assert.ok(time.elapsedNs() - beforeNs >= 1000 * SECOND_NS);
});

Deno.test("a wait that the bell ends is not leapt over, and one without an end is left alone", () => {
  const time = new LeapingTime();
  const waited: number[] = [];
  const channel = { wait: (ms = Infinity) => void waited.push(ms) };
  time.leapOver(channel);
  for (const ms of [1e12, Infinity, undefined]) channel.wait(ms);
  assert.ok(time.elapsedNs() < 1e18);
  assert.deepEqual(waited.slice(1), [Infinity, Infinity]);
});
