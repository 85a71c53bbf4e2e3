import assert from "node:assert/strict";
import { chainFrames } from "../../base/limits.ts";
import { painter } from "../../base/paint.ts";
import { fileOf, recoded, Scratch, session } from "../../log/log_test_support.ts";
import { type LogSizes, measureSizes, total } from "./sizes.ts";
import { formatSizes } from "./sizes_report.ts";
import { measureSpeed } from "./speed.ts";
import { encodeFrames, LEVELS, loadLog, StreamDecoder } from "./stream.ts";

async function load() {
  using scratch = new Scratch();
  const file = fileOf(recoded(session(), { chain: chainFrames.fast }));
  return { log: await loadLog(scratch.file("some.log", file), "some.log"), file };
}

Deno.test("a log in memory accounts for every byte of its file", async () => {
  const { log, file } = await load();
  const all = [...log.firstState, ...log.frames];
  assert.equal(all.reduce((sum, { streamBytes }) => sum + streamBytes, 16), file.length);
  assert.ok(log.firstState.length > 0 && log.frames.length > 0);
  assert.ok(log.firstState.every(({ events }) => events.every(({ kind }) => kind === "state")));
  for (const { events, eventBytes } of all) assert.equal(eventBytes.length, events.length);
});

Deno.test("encoded anew it is as long as it was recorded, and has all its events", async () => {
  const { log } = await load();
  const all = [...log.firstState, ...log.frames];
  const encoded = encodeFrames(all, LEVELS[0]);
  assert.deepEqual(encoded.map(({ length }) => length), all.map(({ streamBytes }) => streamBytes));
  for (const level of LEVELS) {
    using decoder = new StreamDecoder();
    const found = encodeFrames(all, level).map((frame) => decoder.decode(frame));
    assert.deepEqual(found, all.map(({ events }) => events.length));
  }
});

Deno.test("the sizes leave the first state out, and what is counted comes to the stream", async () => {
  const { log } = await load();
  const sizes = await measureSizes(log);
  const bytes = log.frames.reduce((sum, { streamBytes }) => sum + streamBytes, 0);
  assert.equal(sizes.levels[LEVELS[0]], bytes);
  assert.equal(sizes.frames, log.frames.length);
  const costs = sizes.costs.reduce((sum, { count, bytes }) => sum + count * bytes.mean, 0);
  assert.equal(Math.round(costs), bytes);
  // 38 bytes a frame and 14 an event, and what they carry.
  const events = log.frames.flatMap(({ events }) => events);
  const carried = events.reduce(
    (sum, { kind, bytes }) => sum + (kind === "time" ? 8 : bytes.length),
    0,
  );
  const fixed = sizes.baselines.find(({ encoding }) => encoding === "fixed layout")!;
  assert.equal(fixed.bytes, 38 * sizes.frames + 14 * events.length + carried);
});

function sizesOf(name: string, fast: number, plain: number, packed: number | null): LogSizes {
  return {
    name,
    frames: 1,
    events: 2,
    firstState: { frames: 1, bytes: 1000 },
    levels: Object.fromEntries(LEVELS.map((level) => [level, fast])) as LogSizes["levels"],
    baselines: [{ encoding: "plain", bytes: plain }, { encoding: "packed", bytes: packed }],
  };
}

Deno.test("all together is the sum, of a row that every log has", () => {
  const all = total([sizesOf("a", 10, 100, 5), sizesOf("b", 20, 200, null)]);
  assert.deepEqual(all.baselines, [
    { encoding: "plain", bytes: 300 },
    { encoding: "packed", bytes: null },
  ]);
  assert.equal(all.levels[LEVELS[0]], 30);
  assert.deepEqual(all.firstState, { frames: 2, bytes: 2000 });
  assert.equal(all.events, 4);
});

Deno.test("the table shows ours as a share of the others, and what this machine does not have", () => {
  const text = formatSizes([], sizesOf("all", 30, 3000, null), painter(false));
  assert.match(text, /^all: 1 frames, 2 events; apart: the first state, 1,000 bytes in 1 frames$/m);
  assert.match(text, /^ours, fast +30 +1\.000/m);
  assert.match(text, /^plain +3,000 +0\.010/m);
  assert.match(text, /^packed +not here$/m);
});

Deno.test("each direction has a rate for each round", async () => {
  const { log } = await load();
  const speeds = await measureSpeed(log, LEVELS[0], { rounds: 2, seconds: 0.001 }, false);
  assert.deepEqual(speeds.map(({ direction }) => direction), ["encode", "decode"]);
  for (const { eventsPerSecond: { min, median, max }, native } of speeds) {
    assert.ok(0 < min && min <= median && median <= max && max < Infinity);
    assert.equal(native, null);
  }
});
