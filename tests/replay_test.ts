import assert from "node:assert/strict";
import { DivergenceError } from "../base/errors.ts";
import { checkExact, typeAtLedger } from "./support/exactness.ts";
import { FAULT_KINDS, flipBit } from "./support/faults.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { recordGuest, type Recording } from "./support/record.ts";
import { digestPoints, replayFrames } from "./support/replay.ts";
import { StalledError, StallGuard } from "./support/stall_guard.ts";

const seed = chooseSeed("replay_test");
const SEEDS = 4;
const FLIPS_AT_DIGESTS = 100;
const FLIPS_ANYWHERE = 60;

for (let run = 0; run < SEEDS; run++) {
  const own = seed + run;

  Deno.test(`a replay of stress is exact (seed ${own})`, async () => {
    const commandLine = `${own} 4`;
    const checked = await checkExact({ guest: "stress", commandLine, exitsPerDigest: 500 });
    assert.ok(checked.digests >= 4, `${checked.digests} digests`);
    assert.equal(checked.replayed, checked.points);
  });

  Deno.test(`a replay of ledger with random input is exact (seed ${own})`, async () => {
    const input = typeAtLedger(new Random(own), 60);
    const checked = await checkExact({ guest: "ledger", input, exitsPerDigest: 1000 });
    assert.ok(checked.digests >= 2, `${checked.digests} digests`);
    assert.equal(checked.replayed, checked.points);
  });

  Deno.test(`sessions that begin in the middle of a run are replayed exactly (seed ${own})`, async () => {
    const outputsPerSession = 1 + new Random(own).below(4);
    const commandLine = `${own} 6`;
    const options = { guest: "stress", commandLine, exitsPerDigest: 100, outputsPerSession };
    const checked = await checkExact(options);
    assert.ok(checked.sessions > 1);
    assert.ok(checked.digests > 0);
  });
}

Deno.test("a replay of what was recorded twice in one thread is the same replay", async () => {
  const recording = await shortRecording();
  const [first, second] = [await replay(recording), await replay(recording)];
  assert.deepEqual(second, first);
});

Deno.test(`one flipped bit before a digest is reported at its place, ${FLIPS_AT_DIGESTS} times of ${FLIPS_AT_DIGESTS}`, async () => {
  const recording = await shortRecording();
  const points = digestPoints(recording.logs[0]!);
  const random = new Random(seed);
  for (let flip = 0; flip < FLIPS_AT_DIGESTS; flip++) {
    const point = random.pick(points);
    let place = "";
    const act = (machine: Parameters<typeof flipBit>[0]) => {
      place = flipBit(machine, FAULT_KINDS[flip % FAULT_KINDS.length]!, random);
    };
    await assert.rejects(
      replayFrames(recording.logs[0]!, { ...recording, meddling: { point, act } }),
      (error) => {
        assert.ok(error instanceof DivergenceError, `flip ${flip} of ${place}: ${error}`);
        assert.equal(error.place, place, `flip ${flip}`);
        assert.equal(error.point, point, `flip ${flip}`);
        return true;
      },
    );
  }
});

Deno.test("a bit flipped anywhere is reported, unless nothing at all is left of it at the end", async () => {
  const recording = await shortRecording();
  const frames = recording.logs[0]!;
  const clean = await replay(recording);
  const random = new Random(seed);
  using guard = new StallGuard();
  const outcomes = { reported: 0, stalled: 0, overwritten: 0 };
  for (let flip = 0; flip < FLIPS_ANYWHERE; flip++) {
    const point = random.below(recording.points);
    let place = "";
    try {
      const flipped = await replayFrames(frames, {
        memoryBytes: recording.memoryBytes,
        onStart: ({ vcpu }) => guard.begin(vcpu),
        onKick: () => {
          throw new StalledError();
        },
        meddling: {
          point,
          act: (machine) => place = flipBit(machine, random.pick(FAULT_KINDS), random),
        },
      });
      // The guest, or its devices, wrote over the bit before anything depended on it.
      assert.deepEqual(flipped, clean, `${place} at ${point} went unnoticed`);
      outcomes.overwritten++;
    } catch (error) {
      if (error instanceof StalledError) outcomes.stalled++;
      else if (error instanceof DivergenceError) outcomes.reported++;
      else throw new Error(`${place} at ${point}`, { cause: error });
      assert.ok(!(error instanceof DivergenceError) || error.point >= point);
    } finally {
      guard.end();
    }
  }
  console.log(`replay_test: of ${FLIPS_ANYWHERE} flipped bits`, outcomes);
  assert.ok(outcomes.reported > FLIPS_ANYWHERE / 2, "most bits of a machine matter");
});

let recorded: Promise<Recording> | undefined;

/** A run of some 1500 exits and ten digests, recorded once. */
function shortRecording(): Promise<Recording> {
  return recorded ??= recordGuest({
    guest: "stress",
    commandLine: `${seed} 1`,
    exitsPerDigest: 150,
    memoryBytes: 4 << 20,
  });
}

function replay({ logs, memoryBytes }: Recording) {
  return replayFrames(logs[0]!, { memoryBytes });
}
