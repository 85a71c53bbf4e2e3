import assert from "node:assert/strict";
import { DivergenceError, PeerError } from "../base/errors.ts";
import type { Machine } from "../machine/machine.ts";
import type { Verify } from "../protocol/verify.ts";
import { alterEvent } from "./support/alter_log.ts";
import { checkExact, typeAtLedger } from "./support/exactness.ts";
import { FAULT_KINDS, flipBit } from "./support/faults.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { recordGuest, type Recording } from "./support/record.ts";
import { digestPoints, type Replay, replayFrames, type ReplayOptions } from "./support/replay.ts";
import { StalledError, StallGuard } from "./support/stall_guard.ts";

const seed = chooseSeed("replay_test");
const SEEDS = 4;
const FLIPS_AT_DIGESTS = 100;
const FLIPS_ANYWHERE = 200;
const CHANGED_EVENTS = 200;
const NEWLINE = 10;

for (let run = 0; run < SEEDS; run++) {
  const own = seed + run;

  Deno.test(`a replay of stress is exact (seed ${own})`, async () => {
    const commandLine = `${own} 4`;
    const checked = await checkExact({ guest: "stress", commandLine, verify: 500 });
    assert.ok(checked.digests >= 4, `${checked.digests} digests`);
    assert.equal(checked.replayed, checked.points);
  });

  Deno.test(`a replay of ledger with random input is exact (seed ${own})`, async () => {
    const input = typeAtLedger(new Random(own), 60);
    const checked = await checkExact({ guest: "ledger", input, verify: 1000 });
    assert.ok(checked.digests >= 2, `${checked.digests} digests`);
    assert.equal(checked.replayed, checked.points);
  });

  Deno.test(`sessions that begin in the middle of a run are replayed exactly (seed ${own})`, async () => {
    const outputsPerSession = 1 + new Random(own).below(4);
    const commandLine = `${own} 6`;
    const options = { guest: "stress", commandLine, verify: 100, outputsPerSession };
    const checked = await checkExact(options);
    assert.ok(checked.sessions > 1);
    assert.ok(checked.digests > 0);
  });
}

Deno.test("digests are in the log as often as is asked for, and a replay with any choice is exact", async () => {
  const check = (verify: Verify) => checkExact({ guest: "stress", commandLine: "1 1", verify });
  // Without any choice the guest's own end is checked; the state's own point needs no digest.
  assert.equal((await check("off")).digests, 1);
  const every = await check("every");
  // A wide access has several exits, and only after the last one is nothing pending.
  assert.ok(every.digests > 0.98 * every.points, `${every.digests} at ${every.points} points`);
  const recording = await recordGuest({ guest: "stress", commandLine: "1 4", verify: "commit" });
  const lines = recording.output.filter((byte) => byte === NEWLINE).length;
  const commits = digestPoints(recording.logs[0]!);
  assert.ok(commits.length >= lines, `${commits.length} digests for ${lines} lines of output`);
  assert.equal((await replay(recording)).digests, commits.length);
});

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
    const act = (machine: Machine) => {
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
  const random = new Random(seed);
  using tally = new Tally(await replay(recording));
  for (let flip = 0; flip < FLIPS_ANYWHERE; flip++) {
    const point = random.below(recording.points);
    let place = "";
    const act = (machine: Machine) => {
      place = flipBit(machine, random.pick(FAULT_KINDS), random);
    };
    const log = recording.logs[0]!;
    const error = await tally.replay(log, { ...recording, meddling: { point, act } });
    if (error instanceof DivergenceError) {
      assert.ok(error.point >= point, `${place} at ${point}: ${error.message}`);
    } else assert.equal(error, undefined, `${place} at ${point}`);
  }
  tally.show(FLIPS_ANYWHERE, "flipped bits");
  assert.ok(tally.reported > FLIPS_ANYWHERE / 2, "most bits of a machine matter");
});

Deno.test("a log with one event altered is reported, unless nothing at all comes of it", async () => {
  const recording = await shortRecording();
  const random = new Random(seed);
  using tally = new Tally(await replay(recording));
  for (let change = 0; change < CHANGED_EVENTS; change++) {
    const { log, what } = alterEvent(recording.logs[0]!, random);
    const error = await tally.replay(log, recording);
    const isTyped = error === undefined || error instanceof DivergenceError ||
      error instanceof PeerError;
    assert.ok(isTyped, `${what}: ${error?.stack}`);
  }
  tally.show(CHANGED_EVENTS, "altered events");
});

/** Replays that ought to go wrong, and counts what became of them. */
class Tally implements Disposable {
  reported = 0;
  #stalled = 0;
  #withoutEffect = 0;
  readonly #guard = new StallGuard();

  /** @param clean what comes of the replay that nobody meddles with */
  constructor(private readonly clean: Replay) {}

  /** The error that a replay ends with; undefined if it stalls, or comes to what the clean one does. */
  async replay(log: readonly Uint8Array[], options: ReplayOptions): Promise<Error | undefined> {
    try {
      const replay = await replayFrames(log, {
        ...options,
        onStart: ({ vcpu }) => this.#guard.begin(vcpu),
        onKick: () => {
          throw new StalledError();
        },
      });
      assert.deepEqual(replay, this.clean, "a difference went unnoticed");
      this.#withoutEffect++;
    } catch (error) {
      if (error instanceof StalledError) {
        this.#stalled++;
      } else {
        this.reported++;
        return error as Error;
      }
    } finally {
      this.#guard.end();
    }
  }

  show(count: number, what: string): void {
    const { reported } = this;
    const rest = `${this.#withoutEffect} without effect, ${this.#stalled} stalled`;
    console.log(`replay_test: of ${count} ${what} ${reported} reported, ${rest}`);
  }

  [Symbol.dispose](): void {
    this.#guard[Symbol.dispose]();
  }
}

let recorded: Promise<Recording> | undefined;

/** A run of some 1500 exits and ten digests, recorded once. */
function shortRecording(): Promise<Recording> {
  return recorded ??= recordGuest({
    guest: "stress",
    commandLine: `${seed} 1`,
    verify: 150,
    memoryBytes: 8 << 20,
  });
}

function replay({ logs, memoryBytes }: Recording) {
  return replayFrames(logs[0]!, { memoryBytes });
}
