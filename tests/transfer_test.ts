/**
 * A state that is transferred in rounds, while the guest runs and writes, is the machine's: what is replayed from it
 * is what was recorded, to the last digest. The real driver, the real thread, no network.
 */
import assert from "node:assert/strict";
import { digestPoints, replayFrames } from "./support/replay.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { checkSpin } from "./support/spin.ts";
import { type Transfers, transferWhileRunning } from "./support/transfer.ts";

const seed = chooseSeed("transfer_test");
const memoryBytes = 32 << 20;
/** A spin guest answers one within a tick. */
const QUESTIONS = 100;

/** Replays every log; returns how many digests were compared. */
async function replayAll({ logs, output, end, points }: Transfers): Promise<number> {
  let digests = 0;
  for (const { frames } of logs) {
    const replay = await replayFrames(frames, { memoryBytes });
    assert.equal(replay.digests, digestPoints(frames).length);
    digests += replay.digests;
    const from = replay.outputOffset ?? output.length;
    assert.deepEqual(replay.output, output.slice(from, from + replay.output.length));
    if (replay.end === undefined) continue;
    assert.deepEqual(replay.end, end);
    assert.equal(replay.points, points);
  }
  return digests;
}

Deno.test("what is replayed from a state in rounds is what was recorded", async () => {
  const random = new Random(seed);
  const transfers = await transferWhileRunning({
    guest: "stress",
    commandLine: `${seed} 30`,
    memoryBytes,
    transfers: 8,
    brokenOfTen: 0,
    framePages: 60,
    stalls: 5,
  }, random);
  assert.equal(transfers.end.code, 0, transfers.end.why);
  assert.ok(transfers.logs.length >= 2, `${transfers.logs.length} transfers`);
  assert.ok(transfers.logs.every(({ rounds }) => rounds >= 1));
  assert.ok(await replayAll(transfers) > 0);
});

Deno.test("transfers that are broken off anywhere leave nothing behind that the next one would stumble over", async () => {
  const random = new Random(seed);
  const transfers = await transferWhileRunning({
    guest: "stress",
    commandLine: `${seed + 1} 30`,
    memoryBytes,
    transfers: 100,
    brokenOfTen: 8,
    framePages: 8,
    stalls: 20,
  }, random);
  assert.equal(transfers.end.code, 0, transfers.end.why);
  assert.ok(transfers.broken > 2, `${transfers.broken} were broken off`);
  await replayAll(transfers);
});

for (const epochLengthMs of [undefined, 2]) {
  const mode = epochLengthMs === undefined ? "replay" : "checkpoint";
  Deno.test(`a guest that computes and writes without exits is transferred while it does, in ${mode} mode`, async () => {
    const random = new Random(seed);
    let asked = 0;
    const transfers = await transferWhileRunning({
      guest: "spin",
      commandLine: `seed=${seed} working-set=512K steps=1000 seconds=100000`,
      memoryBytes,
      verify: 1,
      transfers: 8,
      brokenOfTen: 3,
      stagingPages: 50,
      framePages: 60,
      stalls: 5,
      input: (output) => {
        if (output.split("\n").length <= asked + 1 || asked > QUESTIONS) return undefined;
        return asked++ < QUESTIONS ? "?\n" : "quit\n";
      },
      ...(epochLengthMs === undefined ? {} : { epochLengthMs }),
    }, random);
    assert.equal(transfers.end.code, 0, transfers.end.why);
    assert.ok(transfers.forcedPoints > 0);
    assert.ok(transfers.logs.length >= 2, `${transfers.logs.length} transfers`);
    assert.ok(transfers.logs.every(({ rounds }) => rounds >= 1));
    assert.ok(await replayAll(transfers) > 20);
    checkSpin(new TextDecoder().decode(transfers.output));
  });
}

Deno.test("what the staging area has no room for is part of the state as well", async () => {
  const random = new Random(seed);
  const transfers = await transferWhileRunning({
    guest: "stress",
    commandLine: `${seed + 2} 30`,
    memoryBytes,
    transfers: 6,
    brokenOfTen: 2,
    stagingPages: 3,
    framePages: 8,
    stalls: 10,
  }, random);
  assert.equal(transfers.end.code, 0, transfers.end.why);
  assert.ok(transfers.logs.length >= 1, `${transfers.logs.length} transfers`);
  await replayAll(transfers);
});

Deno.test("a guest that has to stand still for a transfer goes on after it, or once it is broken off", async () => {
  const random = new Random(seed);
  const transfers = await transferWhileRunning({
    guest: "stress",
    commandLine: `${seed + 3} 30`,
    memoryBytes,
    transfers: 20,
    brokenOfTen: 5,
    framePages: 8,
    stalls: 20,
    stands: 10,
  }, random);
  assert.equal(transfers.end.code, 0, transfers.end.why);
  await replayAll(transfers);
});
