import { PeerError, UsageError } from "../base/errors.ts";
import { joinLogs } from "./join.ts";
import { fails, fileOf, frame, Scratch, session } from "./log_test_support.ts";
import assert from "node:assert/strict";

/** Joins files of these bytes. */
function join(scratch: Scratch, ...files: Uint8Array[]) {
  const paths = files.map((bytes, index) => scratch.file(`part${index}`, bytes));
  return joinLogs(paths, { path: scratch.file("joined"), force: false });
}

Deno.test("pieces that do not follow on one another are refused, with what was found and expected", async () => {
  using scratch = new Scratch();
  const frames = session();
  const [first, second, third] = [frames.slice(0, 3), frames.slice(3, 6), frames.slice(6)];
  const refused = (files: Uint8Array[], kind: typeof UsageError | typeof PeerError, what: RegExp) =>
    fails(() => join(scratch, ...files), kind, what);
  await refused(
    [fileOf(first), fileOf(third)],
    UsageError,
    /part1 begins with sequence 7, expected 4: \S*part0 ends with 3, at execution point 20/,
  );
  await refused([fileOf(second), fileOf(first)], UsageError, /sequence 1, expected 7/);
  await refused([fileOf(first), fileOf(first)], UsageError, /sequence 1, expected 4/);
  await refused(
    [fileOf(first), fileOf(second, 16 << 20)],
    UsageError,
    /part1 is of a machine with 16777216 bytes of memory, expected 8388608 as \S*part0 has/,
  );
  await refused(
    [fileOf(first), fileOf([frame(4, 19)])],
    PeerError,
    /part1, frame 1, offset 16: through 19 comes after through 20/,
  );
  await refused([fileOf(first)], UsageError, /two pieces or more/);
  await refused(
    [fileOf(first).subarray(0, -1), fileOf(second)],
    PeerError,
    /part0 is cut: .*understudy log cut/,
  );
  await refused([fileOf(first), fileOf([])], PeerError, /part1 has no frame/);
  await refused(
    [fileOf(frames.slice(0, 1)), fileOf([])],
    PeerError,
    /part1 has no frame/,
  );
  assert.ok(!scratch.names().some((name) => name.startsWith("joined")), "nothing is left");
});

Deno.test("pieces without the beginning are joined to a larger piece", async () => {
  using scratch = new Scratch();
  const frames = session();
  const written = await join(scratch, fileOf(frames.slice(2, 4)), fileOf(frames.slice(4, 6)));
  assert.ok(written.isPiece);
  assert.deepEqual(Deno.readFileSync(scratch.file("joined")), fileOf(frames.slice(2, 6)));
});
