import assert from "node:assert/strict";
import { painter } from "../base/paint.ts";
import { dumpLog } from "./dump.ts";
import { LogFault } from "./fault.ts";
import { fails, fileOf, recoded, Scratch, session } from "./log_test_support.ts";
import { Printer } from "./printer.ts";

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER, json: false, full: false };

/** What a file of these bytes is printed as: lines. */
async function dump(scratch: Scratch, bytes: Uint8Array, options: Partial<typeof ALL> = {}) {
  const decoder = new TextDecoder();
  const printed: string[] = [];
  const printer = new Printer({
    write: (bytes) => {
      printed.push(decoder.decode(bytes));
      return Promise.resolve(bytes.length);
    },
  });
  const lines = () => printed.join("").split("\n").slice(0, -1);
  const path = scratch.file("log", bytes);
  const cutBytes = await dumpLog(path, { ...ALL, ...options }, printer, painter(false))
    .catch((error) => {
      throw Object.assign(error, { lines: lines() });
    });
  return { lines: lines(), cutBytes };
}

Deno.test("a log is printed with its frames as headings and an event a line", async () => {
  using scratch = new Scratch();
  const { lines, cutBytes } = await dump(scratch, fileOf(session()));
  assert.equal(cutBytes, 0);
  assert.equal(lines.filter((line) => line.startsWith("frame ")).length, 8);
  const text = lines.join("\n");
  assert.match(
    text,
    /^frame 1: sequence 1, generation 1, through 0, 1 events, \d+ bytes at .* 16$/m,
  );
  assert.match(text, /^ {11}7 {2}time {12}0\.001000 s$/m);
  assert.match(text, /^ {11}7 {2}data console {4}5 bytes {2}"get\\r\\n"$/m);
  assert.match(text, /^ {10}30 {2}state outputs {3}3 bytes {2}01 02 03$/m);
  assert.match(text, /^ {9}200 {2}control digest {2}200 bytes {2}(00 ){24}\.\.\.$/m);
  assert.match(text, /^ {9}200 {2}control end {5}\d+ bytes {2}"{\\"why\\":\\"well\\"/m);
});

Deno.test("--from and --to leave out the events before and after, and the headings of frames without any", async () => {
  using scratch = new Scratch();
  const { lines } = await dump(scratch, fileOf(session()), { from: 8, to: 30 });
  assert.deepEqual(lines.map((line) => line.match(/^frame \d|\d+ {2}\w+ \w*/)![0].trim()), [
    "frame 3",
    "20  time",
    "frame 4",
    "frame 5",
    "30  state pages",
    "frame 6",
    "30  state pages",
    "30  state outputs",
    "30  state machine",
  ]);
});

Deno.test("as JSON each line is an object that has what the log has", async () => {
  using scratch = new Scratch();
  const objects = async (full: boolean) =>
    (await dump(scratch, fileOf(session()), { json: true, full })).lines.map((line) =>
      JSON.parse(line)
    );
  const lines = await objects(true);
  assert.deepEqual(
    lines.filter(({ frame }) => frame !== undefined).map(({ through }) => through),
    [0, 0, 20, 30, 30, 31, 200, 200],
  );
  assert.deepEqual(lines.find(({ kind }) => kind === "time"), {
    point: 7,
    kind: "time",
    encodedBytes: 3,
    clockUs: 1000,
  });
  assert.deepEqual(lines.find(({ kind }) => kind === "data"), {
    point: 7,
    kind: "data",
    encodedBytes: 3 + 5,
    selector: 0,
    name: "console",
    length: 5,
    hex: "6765740d0a",
    text: "get\r\n",
  });
  const digest = ({ name }: { name: string }) => name === "digest";
  assert.equal(lines.find(digest).hex.length, 400);
  assert.equal((await objects(false)).find(digest).hex.length, 48);
});

Deno.test("--from finds its events in the middle of a chain, whatever the level", async () => {
  using scratch = new Scratch();
  const range = { from: 25, to: 195 };
  const events = async (frames: readonly Uint8Array[]) =>
    (await dump(scratch, fileOf(frames), range)).lines.filter((line) => line.startsWith(" "));
  const alone = await events(session());
  assert.equal(alone.length, 5);
  for (const level of ["fast", "dense"] as const) {
    assert.deepEqual(await events(recoded(session(), { chain: 8, level })), alone);
  }
});

Deno.test("what comes before a bad frame is printed, and a cut is told", async () => {
  using scratch = new Scratch();
  const bytes = fileOf(session());
  const { lines, cutBytes } = await dump(scratch, bytes.subarray(0, -3));
  assert.ok(cutBytes > 0);
  bytes[bytes.length - 1]! ^= 1;
  let printed: string[] = [];
  await fails(
    () =>
      dump(scratch, bytes).catch((error) => {
        printed = error.lines;
        throw error;
      }),
    LogFault,
    /log, frame 8, offset \d+: .*crc32c/i,
  );
  assert.deepEqual(printed, lines);
});
