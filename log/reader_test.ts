import assert from "node:assert/strict";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { HEADER_BYTES, MAX_STATE_BYTES } from "../codec/codec.ts";
import { LOG_FILE_HEADER_BYTES } from "../codec/log_file.ts";
import { LogFault } from "./fault.ts";
import { fails, fileOf, frame, MEMORY_BYTES, Scratch, session } from "./log_test_support.ts";
import { LogFile } from "./reader.ts";

/** Reads a file to its end. */
async function read(path: string) {
  const frames: Uint8Array[] = [];
  const offsets: number[] = [];
  const progress: number[] = [];
  using file = await LogFile.open(path, (bytes) => progress.push(bytes));
  for await (const { bytes, offset, frame } of file.frames()) {
    frames.push(bytes.slice());
    offsets.push(offset);
    assert.equal(frame, frames.length);
  }
  return { frames, offsets, progress, cutBytes: file.cutBytes, memoryBytes: file.memoryBytes };
}

/** Frames of all sizes, up to the largest, together larger than what is read at once. */
function manyFrames(): Uint8Array[] {
  return Array.from({ length: 40 }, (_, index) =>
    frame(index + 1, 0, (encoder) => {
      for (let part = 0; part < index % 5 && index % 5 < 4; part++) {
        encoder.state(0, 0, new Uint8Array(MAX_STATE_BYTES - 100 * index).fill(index));
      }
    }));
}

Deno.test("a file that is larger than what is read at once comes out frame by frame, unchanged", async () => {
  using scratch = new Scratch();
  const frames = manyFrames();
  const bytes = fileOf(frames);
  const found = await read(scratch.file("log", bytes));
  assert.deepEqual(found.frames, frames);
  assert.equal(found.memoryBytes, MEMORY_BYTES);
  assert.equal(found.cutBytes, 0);
  assert.equal(found.offsets[1], LOG_FILE_HEADER_BYTES + frames[0]!.length);
  assert.ok(found.progress.length > 5);
  assert.equal(found.progress.at(-1), bytes.length);
});

Deno.test("a log can come out of a pipe, however it is parted there", async () => {
  using scratch = new Scratch();
  const frames = session();
  const bytes = fileOf(frames);
  const pipe = scratch.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const found = read(pipe);
  {
    using writer = await Deno.open(pipe, { write: true });
    for (let at = 0; at < bytes.length; at += 7) await writer.write(bytes.slice(at, at + 7));
  }
  assert.deepEqual((await found).frames, frames);
});

Deno.test("wherever a file is cut, the whole frames before the cut come out, and the rest is counted", async () => {
  using scratch = new Scratch();
  const frames = session();
  const bytes = fileOf(frames);
  for (let length = LOG_FILE_HEADER_BYTES; length <= bytes.length; length++) {
    const found = await read(scratch.file("log", bytes.subarray(0, length)));
    assert.deepEqual(found.frames, frames.slice(0, found.frames.length));
    const whole = found.frames.reduce((sum, frame) => sum + frame.length, LOG_FILE_HEADER_BYTES);
    assert.equal(whole + found.cutBytes, length);
    assert.ok(found.cutBytes < HEADER_BYTES + (frames[found.frames.length]?.length ?? 0));
  }
});

Deno.test("what is no log, and what is no frame, is named with its place", async () => {
  using scratch = new Scratch();
  const bytes = fileOf(session());
  const bad = new Uint8Array([...bytes, ...new Uint8Array(100)]);
  await fails(() => read(scratch.file("bad", bad)), LogFault, /bad, frame 9, offset \d+: .*magic/i);
  await fails(() => read(scratch.file("none", new Uint8Array(3))), PeerError, /none is not a log/);
  const foreign = scratch.file("foreign", new Uint8Array(100));
  await fails(() => read(foreign), PeerError, /foreign is not a log/);
  const memory = fileOf(session(), 4096);
  await fails(
    () => read(scratch.file("memory", memory)),
    PeerError,
    /memory is damaged, or no log/,
  );
  await fails(
    () => read(scratch.file("nothing")),
    UnavailableError,
    /can't read the log .*nothing/,
  );
  await fails(() => read(scratch.path), UnavailableError, /can't read the log/);
});
