import assert from "node:assert/strict";
import { pauseLeastUs, pauseMaxUs } from "../base/limits.ts";
import { Pacer } from "./pacer.ts";

/** Runs a guest with an exit every `exitUs` for a second of its own; returns how long it paused. */
function runForASecond(share: number, exitUs: number): { pausedUs: number; pauses: number[] } {
  const pacer = new Pacer(0);
  pacer.share = share;
  const pauses: number[] = [];
  let nowUs = 0;
  for (let ranUs = 0; ranUs < 1e6; ranUs += exitUs) {
    const pauseUs = pacer.ran(nowUs += exitUs);
    if (pauseUs === 0) continue;
    pauses.push(pauseUs);
    pacer.goesOn(nowUs += pauseUs);
  }
  assert.equal(pacer.ranUs, Math.ceil(1e6 / exitUs) * exitUs, "a pause is not running");
  return { pausedUs: pauses.reduce((sum, pauseUs) => sum + pauseUs, 0), pauses };
}

Deno.test("the pauses are the share of the time that was asked for", () => {
  for (const share of [0.1, 0.5, 0.9]) {
    const { pausedUs } = runForASecond(share, 30);
    const paused = pausedUs / (pausedUs + 1e6);
    assert.ok(Math.abs(paused - share) < 0.01, `${paused} of ${share}`);
  }
});

Deno.test("pauses are neither too short nor too long, whatever the guest does between two exits", () => {
  for (const exitUs of [10, 1000, 100_000]) {
    for (const pauseUs of runForASecond(0.9, exitUs).pauses) {
      assert.ok(pauseUs >= pauseLeastUs && pauseUs <= pauseMaxUs, `${pauseUs} us`);
    }
  }
});

Deno.test("a guest that is not slowed does not pause, nor does one for the time in which it waited", () => {
  assert.equal(runForASecond(0, 30).pausedUs, 0);
  const pacer = new Pacer(0);
  pacer.share = 0.9;
  pacer.goesOn(10_000_000);
  assert.equal(pacer.ran(10_000_010), 0);
  assert.equal(pacer.ranUs, 10);
});

Deno.test("what was owed is forgiven when the guest is let go", () => {
  const pacer = new Pacer(0);
  pacer.share = 0.5;
  assert.equal(pacer.ran(pauseLeastUs - 1), 0);
  pacer.share = 0;
  assert.equal(pacer.ran(pauseLeastUs), 0);
  pacer.share = 0.5;
  assert.equal(pacer.ran(pauseLeastUs + 10), 0);
});
