import assert from "node:assert/strict";
import { LeapingTime } from "./leaping_time.ts";

/** A host whose time only passes in waits, each for `share` of what was asked for. */
function host(share: number) {
  const waited: number[] = [];
  let nowNs = 0;
  const wait = (ms = Infinity) => {
    waited.push(ms);
    if (ms < Infinity) nowNs += ms * share * 1e6;
  };
  const time = new LeapingTime({ elapsedNs: () => nowNs });
  const channel = { wait };
  time.leapOver(channel);
  return { time, channel, waited, nowNs: () => nowNs };
}

Deno.test("a long wait passes in a moment, and is as long as it was, as late as the host is", () => {
  const { time, channel, nowNs } = host(1.5);
  channel.wait(1000);
  const lateNs = nowNs() / 3;
  assert.ok(nowNs() < 1e6);
  assert.equal(Math.round(time.elapsedNs()), Math.round(1e9 + lateNs));
});

Deno.test("a wait that the bell ends is not leapt over", () => {
  const { time, channel, nowNs } = host(0.5);
  channel.wait(1000);
  assert.equal(time.elapsedNs(), nowNs());
  assert.ok(nowNs() < 1e6);
});

Deno.test("what has no end of its own, or a near one, is waited for", () => {
  const { time, channel, waited, nowNs } = host(1);
  for (const ms of [Infinity, undefined, 0, 0.001, -1]) channel.wait(ms);
  assert.deepEqual(waited, [Infinity, Infinity, 0, 0.001, -1]);
  assert.equal(time.elapsedNs(), nowNs());
});
