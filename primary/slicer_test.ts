import assert from "node:assert/strict";
import { Slice } from "./slicer.ts";

/** Looks every 10 ms at a guest that stays at one point; returns at which of the looks its slice of 20 ms is over. */
function overAt(looks: number, isWaiting: (look: number) => boolean): number[] {
  const slice = new Slice(20);
  return Array.from({ length: looks }, (_, look) => look)
    .filter((look) => slice.isOver(7, isWaiting(look), 10 * look));
}

Deno.test("a guest that computes is stopped once a slice", () => {
  assert.deepEqual(overAt(7, () => false), [2, 4, 6]);
});

Deno.test("a guest that is made to pause is stopped once it has computed for a slice, and not earlier", () => {
  assert.deepEqual(overAt(21, (look) => look % 5 !== 0), [10, 20]);
  assert.deepEqual(overAt(100, () => true), []);
});

Deno.test("a guest that comes to another execution point has its whole slice again", () => {
  const slice = new Slice(20);
  const looks = [[7, 0], [7, 10], [8, 20], [8, 30], [9, 40], [9, 50], [9, 60]] as const;
  assert.deepEqual(looks.map(([point, nowMs]) => slice.isOver(point, false, nowMs)), [
    false,
    false,
    false,
    false,
    false,
    false,
    true,
  ]);
});
