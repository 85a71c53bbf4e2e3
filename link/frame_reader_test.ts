import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import { type ByteReader, FrameReader } from "./frame_reader.ts";
import { testFrame, testFraming } from "./framing_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** A stream that comes in pieces of these lengths, over and over. */
function pieces(stream: Uint8Array, lengths: readonly number[]): ByteReader {
  let at = 0;
  let turn = 0;
  return {
    read(into) {
      if (at === stream.length) return Promise.resolve(null);
      const length = Math.min(lengths[turn++ % lengths.length]!, into.length, stream.length - at);
      into.set(stream.subarray(at, at + length));
      at += length;
      return Promise.resolve(length);
    },
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("frames come out as they went in, however the stream is cut into reads", async () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: 65000, max: 70000 }).map((length) => new Uint8Array(length).fill(length)),
  );
  const property = fc.asyncProperty(
    fc.array(payload, { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 70000 }), { minLength: 1, maxLength: 6 }),
    async (payloads, lengths) => {
      const frames = payloads.map((bytes) => testFrame(bytes));
      const reader = new FrameReader(pieces(concat(frames), lengths), testFraming);
      for (const frame of frames) assert.deepEqual(await reader.next(), frame);
      assert.equal(await reader.next(), undefined);
    },
  );
  await fc.assert(property, { seed, numRuns: 60 });
});

Deno.test("a stream that ends anywhere inside of a frame is truncated", async () => {
  const stream = concat([testFrame(new Uint8Array(3)), testFrame(new Uint8Array(4))]);
  for (let end = 1; end < stream.length; end++) {
    if (end === 8) continue;
    const reader = new FrameReader(pieces(stream.subarray(0, end), [3]), testFraming);
    if (end > 8) assert.equal((await reader.next())?.length, 8);
    await assert.rejects(
      reader.next(),
      (error: Error) => error instanceof PeerError && /inside of a frame/.test(error.message),
    );
  }
});

Deno.test("a payload above the limit is refused before anything is allocated for it", async () => {
  const reader = new FrameReader(
    pieces(testFrame(new Uint8Array(0), 0xffff_ffff), [9]),
    testFraming,
  );
  await assert.rejects(
    reader.next(),
    (error: Error) => error instanceof PeerError && /4294967295.*1048576/.test(error.message),
  );
});

Deno.test("random bytes end in a PeerError or in the end of the stream", async () => {
  const property = fc.asyncProperty(
    fc.uint8Array({ minLength: 1, maxLength: 64 }),
    async (bytes) => {
      const reader = new FrameReader(pieces(bytes, [7]), testFraming);
      try {
        while (await reader.next() !== undefined);
      } catch (error) {
        assert.ok(error instanceof PeerError);
      }
    },
  );
  await fc.assert(property, { seed, numRuns: 300 });
});
