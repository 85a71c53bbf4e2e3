import assert from "node:assert/strict";
import { PeerError, UsageError } from "../base/errors.ts";
import { cutLog, type CutRange } from "./cut.ts";
import { joinLogs } from "./join.ts";
import {
  contentOf,
  contentOfFile,
  fails,
  fileOf,
  frame,
  recoded,
  Scratch,
  session,
  state,
} from "./log_test_support.ts";

/** Cuts a file of these frames, and reads what came of it. */
async function cut(scratch: Scratch, frames: readonly Uint8Array[], range: CutRange, cutBytes = 0) {
  const bytes = fileOf(frames);
  const path = scratch.file("log", bytes.subarray(0, bytes.length - cutBytes));
  const output = { path: scratch.file("part"), force: true };
  const written = await cutLog(path, range, output);
  const part = Deno.readFileSync(output.path);
  assert.equal(written.bytes, part.length);
  return { ...written, part };
}

Deno.test("--to P is what comes up to the first border at P or later, --from P what comes after it", async () => {
  using scratch = new Scratch();
  const frames = session();
  // The border's number of frames before it: never within a state, though that reaches the point already.
  const borders: [number, number][] = [[0, 2], [1, 3], [20, 3], [21, 4], [30, 4], [31, 6], [32, 7]];
  for (const [point, count] of borders) {
    const before = await cut(scratch, frames, { to: point });
    assert.deepEqual(before.part, fileOf(frames.slice(0, count)), `--to ${point}`);
    assert.ok(!before.isPiece && before.frames === count);
    const after = await cut(scratch, frames, { from: point });
    assert.deepEqual(after.part, fileOf(frames.slice(count)), `--from ${point}`);
    assert.ok(after.isPiece && after.frames === frames.length - count);
  }
  const between = await cut(scratch, frames, { from: 20, to: 31 });
  assert.deepEqual(between.part, fileOf(frames.slice(3, 6)));
  assert.equal(between.through, 31);
});

Deno.test("without points all whole frames are kept: what a cut log has", async () => {
  using scratch = new Scratch();
  const frames = session();
  const all = await cut(scratch, frames, {}, 9);
  assert.deepEqual(all.part, fileOf(frames.slice(0, -1)));
  assert.equal(all.cutBytes, frames.at(-1)!.length - 9);
  assert.ok(!all.isPiece);
});

Deno.test("a piece can be cut again, and all pieces joined are the log", async () => {
  using scratch = new Scratch();
  const log = scratch.file("log", fileOf(session()));
  const names = ["a", "b", "c"].map((name) => scratch.file(name));
  const rest = scratch.file("rest");
  await cutLog(log, { to: 0 }, { path: names[0]!, force: false });
  await cutLog(log, { from: 0 }, { path: rest, force: false });
  await cutLog(rest, { to: 31 }, { path: names[1]!, force: false });
  const last = await cutLog(rest, { from: 31 }, { path: names[2]!, force: false });
  assert.ok(last.isPiece);
  const joined = scratch.file("joined");
  const written = await joinLogs(names, { path: joined, force: false });
  assert.deepEqual(Deno.readFileSync(joined), Deno.readFileSync(log));
  assert.ok(!written.isPiece && written.frames === session().length);
});

for (const level of ["fast", "dense"] as const) {
  Deno.test(`a part that begins in the middle of a ${level} chain stands for itself; the chains behind it are copied`, async () => {
    using scratch = new Scratch();
    const content = contentOf(session());
    for (let chain = 1; chain <= content.length; chain++) {
      const frames = recoded(session(), { chain, level });
      const log = scratch.file("whole", fileOf(frames));
      for (const [point, count] of [[0, 2], [1, 3], [21, 4], [31, 6], [32, 7]] as const) {
        const { part } = await cut(scratch, frames, { from: point });
        assert.deepEqual(contentOfFile(part), content.slice(count));
        const copied = frames.slice(Math.ceil(count / chain) * chain);
        const end = fileOf(copied).subarray(16);
        assert.deepEqual(part.subarray(part.length - end.length), end);
        const [before, joined] = [scratch.file("before"), scratch.file("joined")];
        await cutLog(log, { to: point }, { path: before, force: true });
        const pieces = [before, scratch.file("part")];
        await joinLogs(pieces, { path: joined, force: true });
        assert.deepEqual(contentOfFile(Deno.readFileSync(joined)), content);
      }
    }
  });
}

Deno.test("what a log has no such part of is refused, with what it has, and nothing is left", async () => {
  using scratch = new Scratch();
  const frames = session();
  const refused = (range: CutRange, message: RegExp) =>
    fails(() => cut(scratch, frames, range), UsageError, message);
  await refused({ to: 201 }, /ends at execution point 200, before 201 \(--to\)/);
  await refused({ from: 201 }, /ends at execution point 200, before 201 \(--from\)/);
  await refused({ from: 5, to: 5 }, /nothing is after execution point 5 \(--from\) and up to 5/);
  await refused({ from: 5, to: 6 }, /no border between execution points 5 .*and 6/);
  await fails(
    () => cut(scratch, frames.slice(0, 7), { from: 150 }),
    UsageError,
    /ends at execution point 200: nothing comes after the frame that reaches 150/,
  );
  await fails(
    () => cut(scratch, frames.slice(0, 1), {}),
    PeerError,
    /ends before the machine's first state is whole/,
  );
  assert.deepEqual(scratch.names(), ["log"]);
});

Deno.test("a part that lies before what is bad can be had, one behind it can't", async () => {
  using scratch = new Scratch();
  const frames = [...session().slice(0, 4), frame(9, 40, state(30, "machine"))];
  const { part } = await cut(scratch, frames, { to: 30 });
  assert.deepEqual(part, fileOf(frames.slice(0, 4)));
  await fails(
    () => cut(scratch, frames, {}),
    PeerError,
    /log, frame 5, offset \d+: sequence 9, expected 5/,
  );
  assert.deepEqual(Deno.readFileSync(scratch.file("part")), part, "what was there is still there");
});
