/**
 * `understudy log` on logs that a recorder wrote: what it says of them agrees with what a replay finds, and what it cuts
 * and joins replays.
 */
import assert from "node:assert/strict";
import { replayFile } from "../backup/replay_file.ts";
import { ExitCode, PeerError } from "../base/errors.ts";
import { painter } from "../base/paint.ts";
import { FrameDecoder } from "../codec/codec.ts";
import { encodeLogFileHeader, framesOf, LOG_FILE_HEADER_BYTES } from "../codec/log_file.ts";
import { convertLog } from "../log/convert.ts";
import { cutLog } from "../log/cut.ts";
import { dumpLog } from "../log/dump.ts";
import { joinLogs } from "../log/join.ts";
import { Printer } from "../log/printer.ts";
import { type LogStat, statLog } from "../log/stat.ts";
import { exitCodeOf, verifyLog } from "../log/verify.ts";
import { readFrame, sealFrame } from "./support/alter_log.ts";
import { typeAtLedger } from "./support/exactness.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { logFileOf, recordGuest, type RecordOptions } from "./support/record.ts";
import { commandLine, runCommand, ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("log_test");
const CUTS = 40;
const REPLAYS = 8;
const memoryBytes = 8 << 20;

/** What is recorded. */
const RECORDED = {
  "hello": () => ({ guest: "hello" }),
  "a ledger with input": () => ({
    guest: "ledger",
    verify: 500,
    input: typeAtLedger(new Random(seed), 20),
  }),
  "stress with a digest at each commit": () => ({
    guest: "stress",
    commandLine: `${seed} 2`,
    verify: "commit",
  }),
  "stress in checkpoint mode": () => ({
    guest: "stress",
    commandLine: `${seed} 2`,
    epochLengthMs: 2,
  }),
  "a guest that is stopped at forced points": () => ({
    guest: "spin",
    commandLine: "working-set=512K rounds=400 steps=20000",
    sliceMs: 2,
  }),
  "a session that begins in the middle of a run": () => ({
    guest: "stress",
    commandLine: `${seed} 4`,
    outputsPerSession: 3,
  }),
} as const satisfies Record<string, () => RecordOptions>;
/** What is recorded, by name. */
type Recorded = keyof typeof RECORDED;
const NAMES = Object.keys(RECORDED) as Recorded[];

/** Records, and keeps a session's log in a file: of several the longest that does not begin with the guest. */
async function recordedLog(scratch: ScratchDirectory, name: Recorded): Promise<string> {
  const recording = await recordGuest({ ...RECORDED[name](), memoryBytes, patienceMs: 20_000 });
  assert.equal(recording.end.code, 0, recording.end.why);
  const lengths = recording.logs.map(({ length }) => length);
  const session = lengths.indexOf(Math.max(...lengths.slice(Math.min(1, lengths.length - 1))));
  const blob = logFileOf(recording, session);
  return scratch.write("log", new Uint8Array(await blob.arrayBuffer()));
}

/** All bytes that a report accounts for. */
function accounted(stat: LogStat): number {
  const { kinds, frameHeaderBytes, frameHeadBytes, denseSavedBytes, headBytes, cutBytes } = stat;
  const events = kinds.reduce((sum, row) => sum + row.overheadBytes + row.payloadBytes, 0);
  return headBytes + frameHeaderBytes + frameHeadBytes + events - denseSavedBytes + cutBytes;
}

/** The same frames, each standing for itself. */
function alone(frames: readonly Uint8Array[]): Uint8Array[] {
  using decoder = new FrameDecoder();
  return frames.map((frame) => sealFrame(readFrame(decoder, frame)));
}

/** A log in words: its frames and events, but not how they are encoded. */
async function wordsOf(path: string): Promise<string> {
  const lines: string[] = [];
  const decoder = new TextDecoder();
  const printer = new Printer({
    write: (bytes) => {
      lines.push(decoder.decode(bytes, { stream: true }));
      return Promise.resolve(bytes.length);
    },
  });
  const options = { from: 0, to: Number.MAX_SAFE_INTEGER, json: true, full: true };
  await dumpLog(path, options, printer, painter(false));
  return lines.join("").replaceAll(
    /"(offset|bytes|encodedBytes)":\d+,|"(level|chain)":"\w+",/g,
    "",
  );
}

for (const name of NAMES) {
  Deno.test(`what stat and verify say of ${name} is what its replay finds`, async () => {
    using scratch = new ScratchDirectory();
    const path = await recordedLog(scratch, name);
    const replayed = replayFile(path, () => {});
    const verified = await verifyLog(path);
    assert.equal(verified.verdict, "sound", verified.fault?.reason);
    assert.equal(verified.frames, replayed.frames);
    assert.equal(verified.through, replayed.points);
    assert.equal(verified.digests, replayed.digests);
    assert.equal(verified.hasEnded, replayed.end !== null);
    const stat = await statLog(path);
    assert.equal(accounted(stat), Deno.statSync(path).size);
    assert.deepEqual([stat.frames, stat.digests], [replayed.frames, replayed.digests]);
    assert.equal(stat.points.through, replayed.points);
    if (stat.clockUs !== null) assert.ok(stat.clockUs.to <= replayed.clockUs);
  });

  Deno.test(`${name}, packed dense, replays alike, and unpacked again says the same`, async () => {
    using scratch = new ScratchDirectory();
    const path = await recordedLog(scratch, name);
    const [dense, fast] = ["dense", "fast"].map((name) => scratch.file(name)) as [string, string];
    const packed = await convertLog(path, "dense", { path: dense, force: false });
    assert.ok(packed.bytes < packed.readBytes, `${packed.bytes} of ${packed.readBytes}`);
    assert.deepEqual(replayFile(dense, () => {}), replayFile(path, () => {}));
    const stat = await statLog(dense);
    assert.equal(accounted(stat), packed.bytes);
    await convertLog(dense, "fast", { path: fast, force: false });
    const words = await wordsOf(path);
    assert.equal(await wordsOf(dense), words);
    assert.equal(await wordsOf(fast), words);
  });

  Deno.test(`${name}, cut at each border, replays up to there, and is itself again once joined`, async () => {
    using scratch = new ScratchDirectory();
    const path = await recordedLog(scratch, name);
    const whole = Deno.readFileSync(path);
    const words = await wordsOf(path);
    const random = new Random(seed);
    const { points: { from, through } } = await statLog(path);
    const [before, after, joined] = ["a", "b", "c"].map((name) => scratch.file(name));
    const output = (path: string) => ({ path, force: true });
    const borders = new Set<number>();
    for (let at = from; at < through;) {
      const cut = await cutLog(path, { to: at }, output(before!));
      at = Math.max(at + 1, cut.through);
      if (cut.bytes === whole.length || borders.has(cut.bytes)) continue;
      borders.add(cut.bytes);
      assert.deepEqual(Deno.readFileSync(before!), whole.subarray(0, cut.bytes));
      const rest = await cutLog(path, { from: cut.through }, output(after!));
      assert.equal(rest.isPiece, true);
      assert.throws(() => replayFile(after!, () => {}), PeerError);
      await joinLogs([before!, after!], output(joined!));
      assert.equal(await wordsOf(joined!), words);
      if (borders.size > 1 && random.below(3) > 0) continue;
      assert.equal(replayFile(before!, () => {}).points, cut.through);
    }
    assert.ok(borders.size >= 2, `${borders.size} borders`);
    assert.equal(replayFile(joined!, () => {}).points, through);
  });
}

Deno.test(`verify and replay agree on a log that is cut anywhere, ${CUTS} times`, async () => {
  using scratch = new ScratchDirectory();
  const whole = Deno.readFileSync(await recordedLog(scratch, "stress in checkpoint mode"));
  const random = new Random(seed);
  const starts = [...framesOf(whole, "log")].map((frame) => frame.byteOffset);
  for (let cut = 0; cut < CUTS; cut++) {
    const length = cut % 4 === 0
      ? random.pick(starts)
      : LOG_FILE_HEADER_BYTES + random.below(whole.length - LOG_FILE_HEADER_BYTES);
    const path = scratch.write("cut", whole.subarray(0, length));
    const report = await verifyLog(path);
    assert.equal(report.soundBytes + report.cutBytes, length);
    assert.equal(report.cutBytes === 0, starts.includes(length));
    if (!report.canReplay) {
      assert.throws(() => replayFile(path, () => {}), /ends before the machine's first state/);
      assert.equal(exitCodeOf(report), ExitCode.peer);
      continue;
    }
    assert.equal(exitCodeOf(report), report.cutBytes === 0 ? ExitCode.ok : ExitCode.failed);
    if (cut >= REPLAYS) continue;
    const { cutBytes, points } = replayFile(path, () => {});
    assert.deepEqual([cutBytes, points], [report.cutBytes, report.through]);
  }
});

Deno.test("a piece of states is not replayed as if it were a log, nor one with a frame left out", async () => {
  using scratch = new ScratchDirectory();
  const path = await recordedLog(scratch, "stress in checkpoint mode");
  const piece = scratch.file("piece");
  await cutLog(path, { from: 0 }, { path: piece, force: false });
  assert.throws(
    () => replayFile(piece, () => {}),
    /piece, frame 1, offset 16: sequence \d+, expected 1: a piece of a log, to be joined/,
  );
  const frames = [...framesOf(Deno.readFileSync(path), "log")];
  const replayWithGap = (frames: readonly Uint8Array[]) => {
    const parts = [encodeLogFileHeader(memoryBytes), ...frames.slice(0, 2), ...frames.slice(3)];
    const gap = new Uint8Array(parts.flatMap((part) => [...part]));
    replayFile(scratch.write("gap", gap), () => {});
  };
  assert.throws(() => replayWithGap(frames), /gap, frame 3, offset \d+: .*CRC32C/i);
  assert.throws(() => replayWithGap(alone(frames)), /sequence 4, expected 3/);
});

Deno.test("the commands do all that from a terminal, with the exit codes that docs/CLI.md lists", async () => {
  using scratch = new ScratchDirectory();
  const log = scratch.file("log");
  const [a, b, c] = ["a", "b", "c"].map((name) => scratch.file(name)) as [string, string, string];
  const run = async (code: number, message: RegExp, ...args: string[]) => {
    const result = await runCommand(args);
    assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assert.match(`${result.stdout}${result.stderr}`, message, args.join(" "));
    return result.stdout;
  };
  const { ok, failed, usage, peer, unavailable } = ExitCode;
  await run(ok, /code 0/, "run", "hello", "--record", log, "--console", "none");
  const whole = Deno.readFileSync(log);
  await run(ok, /^all +[\d,]+ +100\.0 %$/m, "log", "stat", log);
  const stat = JSON.parse(await run(ok, /./, "log", "stat", log, "--json")) as LogStat;
  assert.equal(accounted(stat), whole.length);
  await run(ok, /control end .*the guest ended with code 0/, "log", "dump", log);
  const lines = (await run(ok, /./, "log", "dump", log, "--json")).trim().split("\n");
  const events = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind !== undefined);
  assert.equal(events.length, stat.events);
  await run(ok, /: sound\n/, "log", "verify", log);
  const middle = `${Math.floor(stat.points.through / 2)}`;
  await run(ok, /complete up to/, "log", "cut", log, "--to", middle, "-o", a);
  await run(ok, /a piece: /, "log", "cut", log, "--from", middle, "-o", b);
  await run(usage, /b is there: choose another name/, "log", "cut", log, "--to", "1", "-o", b);
  await run(ok, /a piece: .* can't be replayed by itself/, "log", "verify", b);
  await run(peer, /a piece of a log, to be joined/, "replay", b);
  await run(usage, /begins with sequence 1, expected/, "log", "join", b, a, "-o", c);
  await run(ok, /complete up to/, "log", "join", a, b, "-o", c);
  assert.equal(await wordsOf(c), await wordsOf(log));
  await run(ok, /exact: /, "replay", c, "--quiet");
  const convert = ["log", "convert", log, "--level", "dense", "-o", c];
  await run(usage, /c is there: choose another name/, ...convert);
  await run(ok, /c: \d+ frames, \d+ bytes, complete up to/, ...convert, "--force");
  await run(ok, /exact: /, "replay", c, "--quiet");
  const written = JSON.parse(await run(ok, /./, ...convert, "--force", "--json"));
  assert.deepEqual([written.level, written.readBytes], ["dense", whole.length]);
  assert.equal(written.bytes, Deno.statSync(c).size);
  const cut = scratch.write("cut", whole.subarray(0, -3));
  await run(failed, /cut at offset \d+: the last \d+ bytes/, "log", "verify", cut);
  await run(failed, /cut: the last [\d,]+ bytes/, "log", "stat", cut);
  await run(failed, /incomplete: \d+ bytes/, "log", "dump", cut);
  await run(failed, /left out: \d+ bytes/, "log", "convert", cut, ...convert.slice(3), "--force");
  await run(failed, /left out: \d+ bytes/, "log", "cut", cut, "-o", c, "--force");
  await run(peer, /cut is cut: .*understudy log cut/, "log", "join", cut, b, "-o", a, "--force");
  await run(ok, /: sound\n/, "log", "verify", c);
  const flipped = whole.slice();
  flipped[100]! ^= 1;
  const bad = scratch.write("bad", flipped);
  const verdict = JSON.parse(await run(peer, /./, "log", "verify", bad, "--json"));
  assert.deepEqual([verdict.verdict, verdict.fault.offset], ["bad", LOG_FILE_HEADER_BYTES]);
  for (const name of ["stat", "dump"]) {
    await run(peer, /bad, frame 1, offset 16: .*crc32c/i, "log", name, bad);
  }
  for (const name of ["stat", "dump", "verify"]) {
    await run(unavailable, /can't read the log/, "log", name, scratch.file("nothing"));
  }
  await run(usage, /expected an execution point/, "log", "cut", log, "--to", "soon", "-o", c);
  await run(usage, /--from 9 comes after --to 8/, "log", "dump", log, "--from", "9", "--to", "8");
  await run(usage, /required option '-o, --output <file>'/, "log", "cut", log, "--to", "1");
  await run(usage, /required option '--level <level>'/, "log", "convert", log, "-o", c);
  await run(usage, /Usage: understudy log/, "log");
  for (const name of ["stat", "dump", "verify", "cut", "join", "convert"]) {
    await run(ok, new RegExp(`Examples:\n  understudy log ${name} `), "log", name, "--help");
  }
});

Deno.test("a cut that is stopped leaves no part of a log", async () => {
  using scratch = new ScratchDirectory();
  const whole = Deno.readFileSync(await recordedLog(scratch, "hello"));
  const pipe = scratch.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const [program, ...args] = commandLine(["log", "cut", pipe, "-o", scratch.file("out")]);
  const child = new Deno.Command(program!, { args, stderr: "null" }).spawn();
  using writer = await Deno.open(pipe, { write: true });
  await writer.write(whole.subarray(0, whole.length - 100));
  const names = () => Array.from(Deno.readDirSync(scratch.path), ({ name }) => name).sort();
  while (!names().some((name) => name.endsWith(".part"))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  assert.deepEqual(names(), ["log", "pipe"]);
});

Deno.test("dump ends quietly when its reader has seen enough", async () => {
  using scratch = new ScratchDirectory();
  const path = await recordedLog(scratch, "stress with a digest at each commit");
  const [program, ...args] = commandLine(["log", "dump", path, "--full", "--json"]);
  const script = `{ "$0" "$@"; echo "code $?" >&2; } | head -n 1`;
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, program!, ...args],
  }).output();
  assert.match(new TextDecoder().decode(stdout), /^\{"frame":1,.*\}\n$/);
  assert.equal(new TextDecoder().decode(stderr), "code 0\n");
});
