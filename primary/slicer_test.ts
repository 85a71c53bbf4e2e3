import assert from "node:assert/strict";
import { sliceLeastMs, sliceLogWaitMs, sliceLogWaitShare } from "../base/limits.ts";
import { Slice } from "./slicer.ts";

/** Looks every 10 ms at a guest that stays at one point; returns at which of the looks its slice of 20 ms is over. */
function overAt(looks: number, isWaiting: (look: number) => boolean): number[] {
  const slice = new Slice(20);
  return Array.from({ length: looks }, (_, look) => look)
    .filter((look) => slice.isOver(7, isWaiting(look) ? "else" : undefined, 10 * look));
}

Deno.test("a guest that computes is stopped once a slice", () => {
  assert.deepEqual(overAt(7, () => false), [2, 4, 6]);
});

Deno.test("a guest that is made to pause is stopped once it has computed for a slice, and not earlier", () => {
  assert.deepEqual(overAt(21, (look) => look % 5 !== 0), [10, 20]);
  assert.deepEqual(overAt(100, () => true), []);
});

/** Lets a guest compute for a slice and wait for its log, over and over; returns how long its slices become. */
function lengthsAfter(
  waitMs: (lengthMs: number) => number,
  slices: number,
  slice = new Slice(20),
): number[] {
  let nowMs = 0;
  let point = 0;
  return Array.from({ length: slices }, () => {
    const endMs = nowMs + waitMs(slice.lengthMs);
    for (; nowMs < endMs; nowMs += 0.5) slice.isOver(point, "log", nowMs);
    while (!slice.isOver(point, undefined, nowMs)) nowMs += 0.5;
    point++;
    return slice.lengthMs;
  });
}

Deno.test("a guest that waits for its log has as short slices as it takes to wait for a moment only", () => {
  for (const sliceMs of [20, 100]) {
    const mayWaitMs = Math.max(sliceLogWaitMs, sliceLogWaitShare * sliceMs);
    for (const waitForMs of [1, 2, 5]) {
      const wait = (lengthMs: number) => waitForMs * lengthMs;
      const waitedMs = wait(lengthsAfter(wait, 40, new Slice(sliceMs)).at(-1)!);
      assert.ok(waitedMs > 0.6 * mayWaitMs && waitedMs < 1.4 * mayWaitMs, `${waitedMs} ms`);
    }
  }
  assert.deepEqual(lengthsAfter(() => sliceLogWaitMs / 2, 5), [20, 20, 20, 20, 20]);
  assert.equal(lengthsAfter(() => 1000, 20).at(-1), sliceLeastMs);
});

Deno.test("a guest that does not wait any more has its whole slices again", () => {
  const slice = new Slice(20);
  assert.equal(lengthsAfter(() => 1000, 10, slice).at(-1), sliceLeastMs);
  assert.equal(lengthsAfter(() => 0, 20, slice).at(-1), 20);
});

Deno.test("what a guest waits for between exits of its own makes no slice shorter", () => {
  const slice = new Slice(20);
  // It exits every millisecond, and waits half of the time.
  for (let nowMs = 0; nowMs < 1000; nowMs++) {
    slice.isOver(nowMs, nowMs % 2 === 0 ? "log" : undefined, nowMs);
  }
  for (let nowMs = 1000; nowMs < 1030; nowMs++) slice.isOver(1000, undefined, nowMs);
  assert.equal(slice.lengthMs, 20);
});

Deno.test("a guest that comes to another execution point has its whole slice again", () => {
  const slice = new Slice(20);
  const looks = [[7, 0], [7, 10], [8, 20], [8, 30], [9, 40], [9, 50], [9, 60]] as const;
  assert.deepEqual(looks.map(([point, nowMs]) => slice.isOver(point, undefined, nowMs)), [
    false,
    false,
    false,
    false,
    false,
    false,
    true,
  ]);
});
