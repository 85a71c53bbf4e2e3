import assert from "node:assert/strict";
import { painter } from "../base/paint.ts";
import { HEADER_BYTES } from "../codec/codec.ts";
import { fileOf, frame, recoded, Scratch, session } from "./log_test_support.ts";
import { type LogStat, statLog } from "./stat.ts";
import { formatStat } from "./stat_report.ts";

/** All bytes that a report accounts for. */
function accounted(stat: LogStat): number {
  const { kinds, frameHeaderBytes, frameHeadBytes, denseSavedBytes, headBytes, cutBytes } = stat;
  const events = kinds.reduce((sum, row) => sum + row.overheadBytes + row.payloadBytes, 0);
  const frames = frameHeaderBytes + frameHeadBytes + events - denseSavedBytes;
  return headBytes + frames + cutBytes;
}

Deno.test("every byte of a log is accounted for, wherever it is cut", async () => {
  using scratch = new Scratch();
  const bytes = fileOf(session());
  for (let length = 16; length <= bytes.length; length++) {
    const stat = await statLog(scratch.file("log", bytes.subarray(0, length)));
    assert.equal(accounted(stat), length);
    assert.equal(stat.fileBytes, length);
    const classes = stat.sizes.reduce((sum, size) => sum + size.bytes, 0);
    const heads = stat.frameHeaderBytes + stat.frameHeadBytes;
    assert.equal(classes + heads + 16 + stat.cutBytes, length);
    assert.equal(stat.denseSavedBytes, 0);
    assert.equal((stat.firstState?.bytes ?? 0) + stat.rest.bytes + 16 + stat.cutBytes, length);
  }
});

Deno.test("events are told apart by kind, with what they cost beside what entered", async () => {
  using scratch = new Scratch();
  const frames = session();
  const stat = await statLog(scratch.file("log", fileOf(frames)));
  const row = (kind: string, name: string) =>
    stat.kinds.find((row) => row.kind === kind && row.name === name)!;
  assert.equal(row("state", "pages").events, 4);
  assert.equal(row("state", "machine").events, 2);
  assert.equal(row("state", "outputs").events, 1);
  // A token each, with the points in it or 4 bytes behind it; 1000, 500 and 2,000,000 us as varints.
  const time = row("time", "");
  assert.deepEqual([time.events, time.payloadBytes], [3, 0]);
  assert.equal(time.overheadBytes, (1 + 2) + (1 + 2) + (1 + 2 + 3));
  assert.deepEqual(time.eventBytes, { mean: 4, median: 3 });
  // Token, device, length.
  const data = row("data", "console");
  assert.deepEqual([data.events, data.overheadBytes, data.payloadBytes], [1, 3, 5]);
  assert.deepEqual(data.eventOverheadBytes, { mean: 3, median: 3 });
  // 200 bytes, all the same, as an LZ4 block.
  const digest = row("control", "digest");
  assert.equal(digest.overheadBytes, 4);
  assert.ok(digest.payloadBytes > 0 && digest.payloadBytes < 20);
  const bytes = stat.kinds.map(({ overheadBytes, payloadBytes }) => overheadBytes + payloadBytes);
  assert.deepEqual(bytes, bytes.toSorted((one, other) => other - one), "the most come first");
  assert.deepEqual(stat.points, { from: 0, through: 200 });
  assert.deepEqual(stat.clockUs, { from: 1000, to: 2_000_000 });
  assert.equal(stat.digests, 1);
  assert.ok(stat.hasEnded);
  assert.deepEqual(stat.firstState, { frames: 2, bytes: frames[0]!.length + frames[1]!.length });
  assert.equal(stat.rest.bytesPerPoint, stat.rest.bytes / 200);
  assert.equal(stat.rest.bytesPerSecond, stat.rest.bytes / 1.999);
  assert.deepEqual([stat.largest[0]!.name, stat.largest[0]!.point], ["end", 200]);
  assert.equal(stat.frameHeaderBytes, 8 * HEADER_BYTES);
});

Deno.test("what dense saves is told, and the bytes of a log in chains are accounted for as well", async () => {
  using scratch = new Scratch();
  const frames = session();
  const alone = await statLog(scratch.file("alone", fileOf(frames)));
  const chain = fileOf(recoded(frames, { chain: 3 }));
  const chained = await statLog(scratch.file("chained", chain));
  assert.equal(accounted(chained), chain.length);
  assert.equal(chained.denseSavedBytes, 0);
  const file = fileOf(recoded(frames, { chain: 3, level: "dense" }));
  const dense = await statLog(scratch.file("dense", file));
  assert.equal(accounted(dense), file.length);
  assert.equal(dense.fileBytes, file.length);
  assert.notEqual(dense.denseSavedBytes, 0);
  const overheads = ({ kinds }: LogStat) =>
    kinds.map(({ kind, name, events, overheadBytes }) => [kind, name, events, overheadBytes])
      .sort();
  assert.deepEqual(overheads(dense), overheads(chained), "events are counted as before packing");
  assert.match(formatStat("log", dense, painter(false)), /\nsaved by dense +-?[\d,]+ /);
  assert.doesNotMatch(formatStat("log", alone, painter(false)), /saved by dense/);
});

Deno.test("a piece has no first state, and a log without events has no rates", async () => {
  using scratch = new Scratch();
  const piece = await statLog(scratch.file("log", fileOf([frame(7, 9)])));
  assert.ok(piece.isPiece);
  assert.equal(piece.firstState, null);
  assert.deepEqual(piece.rest, {
    frames: 1,
    bytes: piece.frameHeaderBytes + piece.frameHeadBytes,
    bytesPerPoint: null,
    bytesPerSecond: null,
  });
  assert.match(formatStat("log", piece, painter(false)), /a piece: it does not begin where/);
});

Deno.test("the report has the extent, a row for each kind, all bytes, and a histogram", async () => {
  using scratch = new Scratch();
  const bytes = fileOf(session());
  const stat = await statLog(scratch.file("log", bytes.subarray(0, -5)));
  const text = formatStat("a\x1b[2Jlog", stat, painter(false));
  assert.match(text, /^a\\x1b\[2Jlog: [\d,]+ bytes, of a machine with 8 MiB\n/);
  assert.match(text, /\ndata console +1 +3 +5 +8 +[\d.]+ % +8.0 +8 +3.0 +3\n/);
  assert.match(text, /\ncut off +\d+ /);
  assert.match(text, new RegExp(`\nall +${bytes.length - 5} +100.0 %\n`));
  assert.match(text, /\n8 to 15 +\d+ +\d+ +█+░+\n/);
  assert.match(text, /\nlargest events +bytes.*\ncontrol digest +\d+ +200 +7 /);
  assert.doesNotMatch(text, /NaN|undefined|Infinity/);
});
