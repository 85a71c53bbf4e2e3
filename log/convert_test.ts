import assert from "node:assert/strict";
import { PeerError, UsageError } from "../base/errors.ts";
import { readHeader } from "../codec/codec.ts";
import { framesOf } from "../codec/log_file.ts";
import { convertLog } from "./convert.ts";
import { LogFault } from "./fault.ts";
import {
  contentOf,
  contentOfFile,
  fails,
  fileOf,
  frame,
  recoded,
  Scratch,
  session,
} from "./log_test_support.ts";

/** The header of each frame in a file. */
function headersOf(file: Uint8Array) {
  return Array.from(framesOf(file, "log"), (frame) => readHeader(frame));
}

Deno.test("a log that is converted, and back, has the same frames and events", async () => {
  using scratch = new Scratch();
  const content = contentOf(session());
  const log = scratch.file("log", fileOf(session()));
  const [dense, fast] = [scratch.file("dense"), scratch.file("fast")];
  const there = await convertLog(log, "dense", { path: dense, force: false });
  const back = await convertLog(dense, "fast", { path: fast, force: false });
  for (const [path, level, written] of [[dense, "dense", there], [fast, "fast", back]] as const) {
    const file = Deno.readFileSync(path);
    assert.deepEqual(contentOfFile(file), content);
    const headers = headersOf(file);
    assert.deepEqual(headers.map(({ chain }) => chain), [
      "begins",
      ...headers.slice(1).map(() => "continues"),
    ]);
    assert.ok(headers.every((header) => header.level === level));
    assert.equal(written.bytes, file.length);
    assert.equal(written.level, level);
    assert.equal(written.frames, content.length);
    assert.equal(written.through, 200);
  }
  assert.equal(there.readBytes, Deno.statSync(log).size);
  assert.equal(back.readBytes, there.bytes);
  // One encoder, one way.
  assert.deepEqual(Deno.readFileSync(fast), fileOf(recoded(session(), { chain: 256 })));
});

Deno.test("of a cut log all whole frames are converted, and a piece stays a piece", async () => {
  using scratch = new Scratch();
  const frames = session();
  const cut = scratch.file("cut", fileOf(frames).subarray(0, -5));
  const out = { path: scratch.file("out"), force: true };
  const written = await convertLog(cut, "dense", out);
  assert.equal(written.cutBytes, frames.at(-1)!.length - 5);
  assert.equal(written.readBytes + written.cutBytes, Deno.statSync(cut).size);
  assert.deepEqual(contentOfFile(Deno.readFileSync(out.path)), contentOf(frames.slice(0, -1)));
  const piece = await convertLog(scratch.file("piece", fileOf(frames.slice(2))), "dense", out);
  assert.ok(piece.isPiece);
});

Deno.test("what is no log, or a bad one, or has its name taken, is refused, and nothing is left", async () => {
  using scratch = new Scratch();
  const frames = session();
  const out = { path: scratch.file("out"), force: false };
  const convert = (bytes: Uint8Array) => () => convertLog(scratch.file("log", bytes), "dense", out);
  await fails(convert(new Uint8Array(99)), PeerError, /log is not a log/);
  await fails(convert(fileOf([...frames.slice(0, 3), frame(9, 40)])), LogFault, /frame 4, offset/);
  await fails(convert(fileOf(frames.slice(0, 1))), PeerError, /first state is whole: nothing to/);
  assert.deepEqual(scratch.names(), ["log"]);
  scratch.file("out", Uint8Array.of(1));
  await fails(convert(fileOf(frames)), UsageError, /out is there: choose another name/);
});
