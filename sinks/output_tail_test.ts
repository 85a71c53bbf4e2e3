import assert from "node:assert/strict";
import fc from "fast-check";
import { OutputTail } from "./output_tail.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** The stream whose byte at each offset is a function of the offset. */
function stream(from: number, to: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: to - from }, (_, i) => (from + i) * 7 % 251);
}

Deno.test("the tail is the last bytes of the stream, never more than its capacity", () => {
  const step = fc.record({ back: fc.nat(10), skip: fc.nat(3), length: fc.nat(25) });
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const tail = new OutputTail(16);
    let start = 0;
    for (const { back, skip, length } of steps) {
      const offset = Math.max(0, tail.end + (skip === 3 ? skip : -back));
      const before = tail.end;
      tail.append(offset, stream(offset, offset + length));
      if (offset > before) start = offset;
      const end = Math.max(before, offset + length, start);
      start = Math.max(start, end - 16);
      assert.deepEqual([tail.start, tail.end], [start, end]);
      assert.deepEqual(tail.read(start, end), stream(start, end));
    }
  });
  fc.assert(property, { seed, numRuns: 500 });
});
