import assert from "node:assert/strict";
import { Replayer } from "../backup/replayer.ts";
import { hostKind } from "../machine/host_kind.ts";
import { Digester } from "../machine/digest.ts";
import { Machine } from "../machine/machine.ts";
import { Script } from "../machine/testing.ts";
import { VcpuLoop } from "../machine/vcpu_loop.ts";
import { checkExact } from "./support/exactness.ts";
import { Hosts, PATIENT_MS } from "./support/pair_hosts.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { recordGuest } from "./support/record.ts";
import { headersOf } from "./support/replay.ts";
import { runCommand, ScratchDirectory } from "./support/run_command.ts";
import { checkSpin } from "./support/spin.ts";
import { SpinWatch } from "./support/spin_watch.ts";

const seed = chooseSeed("forced_points_test");
const KILLS = 4;
const CUTS = 12;
const QUESTIONS = 10;
const LEAST_STEPS = 20_000;
const random = new Random(seed);

/** Asks a spin guest how far it is, `questions` times. */
function ask(questions: number): (output: string) => string | undefined {
  let asked = 0;
  return (output) => {
    if (output.split("\n").length - 1 <= asked || asked === questions) return undefined;
    asked++;
    return "?\n";
  };
}

Deno.test(`the log of a guest that computes without exits is replayed exactly (seed ${seed})`, async () => {
  let output = "";
  const asked = ask(QUESTIONS);
  // It goes on until it is told to quit: however few the steps of a round are, it has been asked by then.
  const commandLine = `seed=${seed} working-set=${random.pick(["64K", "1M", "4M"])} ` +
    `steps=${1 + random.below(50_000)}`;
  const checked = await checkExact({
    guest: "spin",
    commandLine,
    sliceMs: 1 + random.below(20),
    verify: 5,
    input: (text) => {
      output = text;
      return text.split("\n").length > QUESTIONS + 2 ? "quit\n" : asked(text);
    },
  });
  assert.equal(checkSpin(output).answers, QUESTIONS);
  assert.ok(checked.forcedPoints > 1, `${checked.forcedPoints} forced points`);
  assert.ok(checked.digests > checked.forcedPoints / 5, `${checked.digests} digests`);
});

Deno.test(`and of one whose timer is off as well (seed ${seed})`, async () => {
  const checked = await checkExact({
    guest: "spin",
    // Long enough for some slices, whatever is drawn.
    commandLine: `seed=${seed} working-set=1M steps=${
      LEAST_STEPS + random.below(80_000)
    } rounds=3000 timer=off`,
    sliceMs: 1 + random.below(20),
    verify: 5,
  });
  assert.ok(checked.forcedPoints > 1, `${checked.forcedPoints} forced points`);
  assert.ok(checked.digests > checked.forcedPoints / 5, `${checked.digests} digests`);
});

Deno.test("a log file of a guest that computes without exits is replayed", async () => {
  using scratch = new ScratchDirectory();
  const log = scratch.file("log");
  const args = ["spin", "--cmdline", `seed=${seed} working-set=64K steps=50000 rounds=2000`];
  const recorded = await runCommand(["run", ...args, "--record", log, "--slice", "5ms"]);
  assert.equal(recorded.code, 0, recorded.stderr);
  const replayed = await runCommand(["replay", log]);
  assert.equal(replayed.code, 0, replayed.stderr);
  assert.match(replayed.stderr, /replay: exact/);
  assert.equal(replayed.stdout, recorded.stdout);
});

Deno.test(`a log that is cut anywhere leads to a machine that goes on rightly, ${CUTS} times (seed ${seed})`, async () => {
  const recording = await recordGuest({
    guest: "spin",
    // A state of all of it takes several frames.
    commandLine: `seed=${seed} working-set=2M steps=2000 rounds=6000`,
    sliceMs: 5,
    input: ask(5),
  });
  const frames = recording.logs[0]!;
  const first = headersOf(frames).findIndex(({ through }) => through > 0);
  for (let cut = 0; cut < CUTS; cut++) {
    const count = first + random.below(frames.length - first);
    const { answers } = checkSpin(goOnFrom(recording.memoryBytes, frames.slice(0, count)));
    assert.ok(answers <= 5);
  }
});

/** Replays a log to its end, and lets the machine go on by itself; all that it put out. */
function goOnFrom(memoryBytes: number, frames: readonly Uint8Array[]): string {
  using machine = Machine.create(memoryBytes, 0, hostKind());
  let next = 0;
  let replayed = "";
  using digester = new Digester(machine, "nothing");
  const io = {
    nextFrame: () => frames[next++],
    opened: () => {},
    output: (_sink: number, _offset: number, _point: number, bytes: Uint8Array) => {
      replayed += new TextDecoder().decode(bytes);
    },
    replayed: () => {},
    stateApplied: () => {},
  };
  using replayer = new Replayer(machine, io, digester);
  const loop = new VcpuLoop(machine, replayer);
  loop.run();
  const script = new Script();
  loop.source = script;
  loop.run();
  return replayed + script.text;
}

Deno.test("a guest that is stopped for other reasons within its slice gets no forced point", async () => {
  const options = { guest: "stress", commandLine: `${seed} 4`, sliceMs: 60_000 };
  const recording = await recordGuest({ ...options, outputsPerSession: 2 });
  assert.ok(recording.logs.length > 1, "it was told to begin anew");
  assert.equal(recording.forcedPoints, 0);
});

Deno.test("a guest that computes without exits is answered though nobody logs it", async () => {
  const args = ["run", "spin", "--cmdline", `seed=${seed} working-set=64K steps=100000`];
  const { code, stdout } = await runCommand(args, { input: "?\n?\nquit\n" });
  assert.equal(code, 0);
  assert.ok(checkSpin(stdout).answers >= 2, stdout);
});

Deno.test(`nothing is lost when the primary of a guest that computes is killed at random moments, ${KILLS} times`, async () => {
  const commandLine = `seed=${seed} working-set=1M steps=20000 seconds=100000`;
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "spin", commandLine },
    (pair) => new SpinWatch(pair.consoles),
  );
  for (let kill = 0; kill < KILLS; kill++) {
    await hosts.watch.progress(1 + random.below(5));
    await new Promise((resolve) => setTimeout(resolve, random.below(50)));
    await hosts.killPrimary();
  }
  const seen = await hosts.finish();
  assert.ok(seen.answers > KILLS);
  console.log(seen);
});

Deno.test("a guest that computes is handed over without a word lost or repeated", async () => {
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "spin", commandLine: `seed=${seed} working-set=256K steps=50000 seconds=100000` },
    (pair) => new SpinWatch(pair.consoles),
  );
  await hosts.watch.progress(3);
  await hosts.handOver();
  assert.equal((await hosts.finish()).duplicateBytes, 0);
});
