import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { painter } from "../base/paint.ts";
import { fileOf, frame, Scratch, session } from "./log_test_support.ts";
import { exitCodeOf, formatVerify, verifyLog } from "./verify.ts";

/** Verifies a file of these bytes: the report, the exit code, the text. */
async function verify(scratch: Scratch, bytes: Uint8Array) {
  const report = await verifyLog(scratch.file("log", bytes));
  const text = formatVerify("log", report, painter(false));
  return { ...report, code: exitCodeOf(report), text };
}

Deno.test("a sound log is called so, with its extent; one that stops before the guest's end, too", async () => {
  using scratch = new Scratch();
  const frames = session();
  const whole = await verify(scratch, fileOf(frames));
  assert.equal(whole.code, ExitCode.ok);
  assert.equal(whole.verdict, "sound");
  assert.match(
    whole.text,
    /^log: sound\n {2}8 frames, .*execution point 200, 1 digests; up to the/,
  );
  const part = await verify(scratch, fileOf(frames.slice(0, 4)));
  assert.equal(part.code, ExitCode.ok);
  assert.match(part.text, /complete up to execution point 30, .*stops before the guest's end/);
});

Deno.test("wherever a log is cut it is said where, and up to where it is whole", async () => {
  using scratch = new Scratch();
  const frames = session();
  const bytes = fileOf(frames);
  const ends = frames.map((_, index) => fileOf(frames.slice(0, index + 1)).length);
  const throughs = [0, 0, 20, 30, 30, 31, 200, 200];
  for (let length = 16; length < bytes.length; length++) {
    const report = await verify(scratch, bytes.subarray(0, length));
    const whole = ends.filter((end) => end <= length).length;
    const isBorder = length === 16 || ends.includes(length);
    assert.equal(report.frames, whole);
    assert.equal(report.soundBytes, whole === 0 ? 16 : ends[whole - 1]);
    assert.equal(report.soundBytes + report.cutBytes, length);
    assert.equal(report.through, whole === 0 ? 0 : throughs[whole - 1]);
    // The first state is in two frames.
    assert.equal(report.canReplay, whole >= 2);
    assert.equal(report.verdict, isBorder && whole >= 2 ? "sound" : "cut");
    const code = whole < 2 ? ExitCode.peer : isBorder ? ExitCode.ok : ExitCode.failed;
    assert.equal(report.code, code, `cut at ${length}`);
    if (!isBorder) assert.match(report.text, new RegExp(`cut at offset ${report.soundBytes}: `));
    if (whole < 2) assert.match(report.text, /first state is not whole: nothing to replay/);
  }
});

Deno.test("a flipped bit anywhere is found, and everything before its frame still counts", async () => {
  using scratch = new Scratch();
  const frames = session();
  const bytes = fileOf(frames);
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice();
    flipped[at]! ^= 1 << (at % 8);
    const report = await verify(scratch, flipped);
    // A machine's memory may have another size: that is in no frame's checksum.
    if (at >= 12 && at < 16 && report.verdict === "sound") continue;
    assert.notEqual(report.verdict, "sound", `byte ${at}`);
    assert.notEqual(report.code, ExitCode.ok);
    assert.ok(report.soundBytes <= at, `byte ${at} is called sound`);
    if (report.fault !== null && at >= 16) {
      const { reason, ...place } = report.fault;
      assert.deepEqual(place, { frame: report.frames + 1, offset: report.soundBytes }, reason);
    }
  }
});

Deno.test("a piece is sound, and said to be one that can't be replayed by itself", async () => {
  using scratch = new Scratch();
  const report = await verify(scratch, fileOf(session().slice(4)));
  assert.equal(report.code, ExitCode.ok);
  assert.ok(report.isPiece && !report.canReplay);
  assert.match(report.text, /a piece: .* can't be replayed by itself; join it/);
  const cut = await verify(scratch, fileOf(session().slice(4)).subarray(0, -1));
  assert.equal(cut.code, ExitCode.failed);
});

Deno.test("what is wrong in a frame that is whole is named, and what it says does not count", async () => {
  using scratch = new Scratch();
  const frames = [...session().slice(0, 3), frame(4, 90, (encoder) => encoder.time(25, 1000))];
  const report = await verify(scratch, fileOf(frames));
  assert.equal(report.verdict, "bad");
  assert.equal(report.code, ExitCode.peer);
  assert.equal(report.through, 20);
  assert.match(
    report.text,
    /^log: bad\n {2}frame 4, offset \d+: clock 1000 us comes after .* 1500/,
  );
  assert.match(report.text, /3 frames, .* execution point 20, 0 digests; before the guest's end/);
  const none = await verify(scratch, new Uint8Array(9));
  assert.equal(none.code, ExitCode.peer);
  assert.match(none.text, /^log: bad\n {2}\S+ is not a log: it does not begin with "USTYLOG"\n/);
});
