import assert from "node:assert/strict";
import { throttleShareMax } from "../base/limits.ts";
import type { ReplayLag } from "../protocol/primary_session.ts";
import { Throttle } from "./throttle.ts";

/** What a simulated pair showed at one tick. */
interface Look {
  readonly atMs: number;
  readonly lagMs: number;
  readonly share: number;
}

/** How a simulated backup replays. */
interface Simulated {
  /** How much of the guest's running time it replays in the millisecond `atMs`. */
  readonly speed: (atMs: number) => number;
  readonly lagMaxMs?: number;
  readonly durationMs?: number;
  /** The share of the time in which the guest has something to do. */
  readonly busy?: number;
}

/** The one-way delay of the channel. */
const DELAY_MS = 5;

/**
 * A guest, a channel and a backup, a millisecond at a time: a frame is closed four times in a limit, if there is log,
 * frames are replayed in their order, and an ack comes four times in a limit, and for each frame that comes.
 */
function simulate({ speed, lagMaxMs = 200, durationMs = 20_000, busy = 1 }: Simulated): Look[] {
  const throttle = new Throttle(lagMaxMs);
  const looks: Look[] = [];
  /** `guestMs`: the guest's running time that it ends at; `leftMs`: of it, what is not replayed. */
  const log: { sentMs: number; guestMs: number; leftMs: number }[] = [];
  const acks: { atMs: number; guestMs: number }[] = [];
  let [guestMs, sentGuestMs, replayedMs, knownMs] = [0, 0, 0, 0];
  const unknown: { sentMs: number; guestMs: number }[] = [];
  for (let atMs = 0; atMs < durationMs; atMs++) {
    if (atMs % 100 < busy * 100) guestMs += 1 - throttle.share;
    if (atMs % (lagMaxMs / 4) === 0) acks.push({ atMs: atMs + DELAY_MS, guestMs: replayedMs });
    if (atMs % (lagMaxMs / 4) === 0 && guestMs > sentGuestMs) {
      log.push({ sentMs: atMs, guestMs, leftMs: guestMs - sentGuestMs });
      unknown.push({ sentMs: atMs, guestMs });
      sentGuestMs = guestMs;
      acks.push({ atMs: atMs + 2 * DELAY_MS, guestMs: replayedMs });
    }
    let workMs = speed(atMs);
    while (workMs > 0 && log[0] !== undefined && log[0].sentMs + DELAY_MS <= atMs) {
      const doneMs = Math.min(workMs, log[0].leftMs);
      workMs -= doneMs;
      log[0].leftMs -= doneMs;
      if (log[0].leftMs > 1e-9) break;
      replayedMs = log.shift()!.guestMs;
    }
    while (acks[0] !== undefined && acks[0].atMs <= atMs) knownMs = acks.shift()!.guestMs;
    while (unknown[0] !== undefined && unknown[0].guestMs <= knownMs) unknown.shift();
    if (atMs % (lagMaxMs / 8) !== 0) continue;
    const lagMs = unknown[0] === undefined ? 0 : atMs - unknown[0].sentMs;
    const lag = { lagMs, unreplayedRunMs: sentGuestMs - knownMs, replayedRunMs: knownMs };
    looks.push({ atMs, lagMs, share: throttle.update(lag, atMs) });
  }
  return looks;
}

function between(looks: readonly Look[], fromMs: number, toMs = Infinity): readonly Look[] {
  return looks.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
}

function range(values: readonly number[]): [least: number, most: number] {
  return [Math.min(...values), Math.max(...values)];
}

function shares(looks: readonly Look[]): [least: number, most: number] {
  return range(looks.map(({ share }) => share));
}

function lags(looks: readonly Look[]): [least: number, most: number] {
  return range(looks.map(({ lagMs }) => lagMs));
}

for (const lagMaxMs of [40, 200, 1000]) {
  Deno.test(`a backup that keeps up does not slow the guest, with a limit of ${lagMaxMs} ms`, () => {
    for (const busy of [0.05, 0.3, 1]) {
      const [, most] = shares(simulate({ speed: () => 1.1, lagMaxMs, busy }));
      assert.equal(most, 0, `a guest that is busy for ${busy} of the time`);
    }
  });

  Deno.test(`a backup of half the speed gets half of the guest's, with a limit of ${lagMaxMs} ms`, () => {
    const looks = simulate({ speed: () => 0.5, lagMaxMs, durationMs: 100 * lagMaxMs });
    assert.ok(lags(looks)[1] <= 2.5 * lagMaxMs, `a lag of ${lags(looks)[1]} on the way there`);
    const settled = between(looks, 50 * lagMaxMs);
    const [[least, most], [leastLag, mostLag]] = [shares(settled), lags(settled)];
    assert.ok(least > 0.2 && most < 0.8, `shares from ${least} to ${most}: that swings`);
    const text = `lags from ${leastLag} to ${mostLag}`;
    assert.ok(leastLag > 0.5 * lagMaxMs && mostLag < 1.5 * lagMaxMs, text);
  });
}

Deno.test("a backup of a tenth of the speed is brought near the limit again", () => {
  const looks = simulate({ speed: () => 0.1 });
  const settled = between(looks, 10_000);
  assert.ok(lags(settled)[1] < 400, `a lag of ${lags(settled)[1]} ms`);
  const [least, most] = shares(settled);
  assert.ok(least > 0.8 && most <= throttleShareMax, `shares from ${least} to ${most}`);
});

Deno.test("a backup that is stopped half of the time slows the guest, and does not stop it", () => {
  for (const cycleMs of [10, 50, 200]) {
    const speed = (atMs: number) => atMs % cycleMs < cycleMs / 2 ? 1 : 0;
    const settled = between(simulate({ speed }), 5000);
    const text = `every ${cycleMs} ms, a lag of ${lags(settled)[1]} ms`;
    assert.ok(lags(settled)[1] < 500, text);
    const mean = settled.reduce((sum, { share }) => sum + share, 0) / settled.length;
    assert.ok(mean > 0.3 && mean < 0.7, `every ${cycleMs} ms, a mean share of ${mean}`);
  }
});

Deno.test("the guest runs freely again when the backup is fast again, and not before it has caught up", () => {
  const looks = simulate({ speed: (atMs) => atMs < 10_000 ? 0.2 : 2 });
  assert.ok(shares(between(looks, 5000, 10_000))[0] > 0.5);
  assert.deepEqual(shares(between(looks, 15_000)), [0, 0]);
  assert.ok(lags(between(looks, 15_000))[1] < 200);
});

Deno.test("a backup that stands still for seconds slows the guest to its least, and a moving guest recovers", () => {
  const looks = simulate({ speed: (atMs) => atMs >= 2000 && atMs < 6000 ? 0 : 1.5 });
  assert.ok(Math.abs(shares(between(looks, 3500, 6000))[0] - throttleShareMax) < 0.01);
  assert.deepEqual(shares(between(looks, 12_000)), [0, 0]);
});

Deno.test("the share changes gradually: all of it takes one limit at least", () => {
  const stepMax = 1 / 8 + 1e-9;
  for (const speed of [0, 0.02, 0.3, 0.7]) {
    let before = 0;
    for (const { share, atMs } of simulate({ speed: () => speed })) {
      assert.ok(Math.abs(share - before) <= stepMax, `from ${before} to ${share} at ${atMs} ms`);
      before = share;
    }
  }
});

Deno.test("without a backup that replays, and without a limit, the guest is not slowed", () => {
  const late: ReplayLag = { lagMs: 10_000, unreplayedRunMs: 10_000, replayedRunMs: 1 };
  const unlimited = new Throttle(0);
  const throttle = new Throttle(200);
  for (let atMs = 0; atMs < 1000; atMs += 25) {
    assert.equal(unlimited.update(late, atMs), 0);
    throttle.update(late, atMs);
  }
  assert.ok(throttle.share > 0.9);
  assert.equal(throttle.update(undefined, 1000), 0, "the backup is lost");
  assert.equal(throttle.update(late, 1025), 0, "another one joins: it has not been measured yet");
});
