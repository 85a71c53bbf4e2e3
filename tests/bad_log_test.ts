/**
 * Replays of log files that are not what a recorder wrote: cut, flipped, empty, foreign. None of them is ever
 * called exact, and what is said names the file and the place.
 */
import assert from "node:assert/strict";
import { replayFile, type ReplayReport } from "../backup/replay_file.ts";
import { ExitCode, PeerError } from "../base/errors.ts";
import { FrameEncoder } from "../codec/codec.ts";
import { encodeLogFileHeader, framesOf, LOG_FILE_HEADER_BYTES } from "../codec/log_file.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { logFileOf, recordGuest } from "./support/record.ts";
import { runCommand, ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("bad_log_test");
const FLIPS = 150;
const CUTS = 50;

let recorded: Promise<Uint8Array> | undefined;

/** The log file of a short run, recorded once. */
function log(): Promise<Uint8Array> {
  return recorded ??= (async () => {
    const memoryBytes = 8 << 20;
    const recording = await recordGuest({
      guest: "stress",
      commandLine: `${seed} 1`,
      verify: 200,
      memoryBytes,
    });
    assert.equal(recording.end.code, 0, recording.end.why);
    return new Uint8Array(await logFileOf(recording).arrayBuffer());
  })();
}

/** What a replay of these bytes comes to: a report, or an error that is a PeerError and names the file. */
function replay(scratch: ScratchDirectory, bytes: Uint8Array): ReplayReport | PeerError {
  const path = scratch.write("log", bytes);
  try {
    return replayFile(path, () => {});
  } catch (error) {
    assert.ok(error instanceof PeerError, (error as Error).stack);
    assert.ok(error.message.includes(path), error.message);
    return error;
  }
}

Deno.test(`no log with a flipped bit is replayed as if it were whole, ${FLIPS} times`, async () => {
  using scratch = new ScratchDirectory();
  const whole = await log();
  const random = new Random(seed);
  const starts = [...framesOf(whole, "log")].map(({ byteOffset }) => byteOffset);
  let refused = 0;
  for (let flip = 0; flip < FLIPS; flip++) {
    const bytes = whole.slice();
    // In the file's header, in a frame's header, and anywhere.
    const at = [
      random.below(LOG_FILE_HEADER_BYTES),
      random.pick(starts) + random.below(64),
      random.below(whole.length),
    ][flip % 3]! % whole.length;
    bytes[at]! ^= 1 << random.below(8);
    const result = replay(scratch, bytes);
    if (result instanceof PeerError) refused++;
    else {assert.ok(
        result.cutBytes > 0,
        `a bit of byte ${at} was flipped, and the log called exact`,
      );}
  }
  assert.ok(refused > FLIPS / 2, `${refused} refused; the others look cut off`);
});

Deno.test("no log with a flipped bit in the file's header is replayed, whichever bit it is", async () => {
  using scratch = new ScratchDirectory();
  const whole = await log();
  for (let bit = 0; bit < LOG_FILE_HEADER_BYTES * 8; bit++) {
    const bytes = whole.slice();
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
    assert.ok(replay(scratch, bytes) instanceof PeerError, `bit ${bit}`);
  }
});

Deno.test(`a log that is cut anywhere is replayed up to there, and said to be cut, ${CUTS} times`, async () => {
  using scratch = new ScratchDirectory();
  const whole = await log();
  const random = new Random(seed);
  const ends = new Set([...framesOf(whole, "log")].map((frame) => frame.byteOffset + frame.length));
  const { points } = replay(scratch, whole) as ReplayReport;
  for (let cut = 0; cut < CUTS; cut++) {
    const length = cut % 5 === 0 ? random.pick([...ends]) : random.below(whole.length);
    const result = replay(scratch, whole.subarray(0, length));
    if (result instanceof PeerError) {
      assert.match(result.message, /not a log|ends before the machine's first state is whole/);
    } else {
      assert.equal(result.cutBytes === 0, ends.has(length), `cut at ${length}`);
      assert.ok(result.points <= points);
      assert.equal(result.end === null, length < whole.length);
    }
  }
});

Deno.test("a log that does not begin with a state is refused before the guest is entered", () => {
  using scratch = new ScratchDirectory();
  using encoder = new FrameEncoder();
  encoder.time(5, 100);
  const frame = encoder.close({
    generation: 1,
    sequence: 1,
    through: 10,
    exitsChecksum: 0,
    outputsChecksum: 0,
  });
  const file = new Uint8Array([...encodeLogFileHeader(8 << 20), ...frame]);
  const result = replay(scratch, file);
  assert.match(
    (result as Error).message,
    /frame 1, offset 16: a time event before the state is whole/,
  );
});

Deno.test("replay says of what is no whole log what it is, and ends with the code for it", async () => {
  using scratch = new ScratchDirectory();
  const whole = await log();
  const [first] = [...framesOf(whole, "log")] as [Uint8Array];
  const flipped = whole.slice();
  flipped[first.byteOffset + first.length - 1]! ^= 1;
  const version = whole.slice();
  version[8] = 9;
  const memory = whole.slice();
  memory[15] = 0x80;
  const other = whole.slice();
  other[13]! ^= 1;
  const guest = Deno.readFileSync(new URL("../guests/images/hello.elf", import.meta.url));
  const cases: [string, Uint8Array, number, RegExp][] = [
    ["whole", whole, ExitCode.ok, /replay: exact: .* ended with code 0/],
    [
      "cut",
      whole.subarray(0, whole.length - 9),
      ExitCode.failed,
      /incomplete .* no whole frame: cut/,
    ],
    ["flipped", flipped, ExitCode.peer, /flipped, frame 1, offset 16: .*CRC32C/i],
    ["version", version, ExitCode.peer, /version is a log of version 9, expected 3/],
    ["memory", memory, ExitCode.peer, /memory is damaged, or no log: a guest can have/],
    ["other", other, ExitCode.peer, /other, frame \d+, offset \d+: .* pages/],
    ["empty", new Uint8Array(), ExitCode.peer, /empty is not a log/],
    ["header", whole.subarray(0, 16), ExitCode.peer, /header ends before .* first state is whole/],
    ["foreign", guest, ExitCode.peer, /foreign is not a log: it does not begin with "USTYLOG"/],
    ["mixed", new Uint8Array([...whole, ...guest]), ExitCode.peer, /mixed, offset \d+: /],
  ];
  for (const [name, bytes, expected, message] of cases) {
    const path = scratch.write(name, bytes);
    const { code, stderr } = await runCommand(["replay", path, "--quiet"]);
    assert.match(stderr, message, `${name}: ${stderr}`);
    assert.equal(code, expected, `${name}: ${stderr}`);
    assert.equal(stderr.includes("exact:"), name === "whole", stderr);
  }
  const cut = await runCommand(["replay", scratch.file("cut"), "--json"]);
  assert.equal(cut.code, ExitCode.failed);
  assert.ok(JSON.parse(cut.stdout).cutBytes > 0);
});
