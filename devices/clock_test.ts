import assert from "node:assert/strict";
import { DefectError } from "../base/assert.ts";
import { assertAdvance, MAX_CLOCK_US, MAX_TICK, ticksAt, usOfTick } from "./clock.ts";

for (const hz of [32_768, 1_193_182]) {
  Deno.test(`ticks at ${hz} Hz are exact from the first microsecond to the last`, () => {
    for (const from of [0, 999_990, 31_536_000_000_000, MAX_CLOCK_US - 1000]) {
      for (let us = from; us < from + 1000; us++) {
        const tick = ticksAt(us, hz);
        assert.equal(BigInt(tick), BigInt(us) * BigInt(hz) / 1_000_000n);
        const exact = (BigInt(tick) * 1_000_000n + BigInt(hz) - 1n) / BigInt(hz);
        assert.equal(BigInt(usOfTick(tick, hz)), exact);
        assert.ok(usOfTick(tick, hz) <= us && usOfTick(tick + 1, hz) > us);
      }
    }
    assert.ok(ticksAt(MAX_CLOCK_US, hz) <= MAX_TICK);
  });
}

Deno.test("the clock may stay or go on to the deadline; not back, not past it, not between", () => {
  assertAdvance(5, 5, 5);
  assertAdvance(5, 9, 9);
  for (
    const [to, deadline] of [[4, 9], [10, 9], [5.5, 9], [NaN, 9], [2 ** 53, Infinity]] as const
  ) {
    assert.throws(() => assertAdvance(5, to, deadline), DefectError);
  }
});
