import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { Ring, type RingRecord } from "./ring.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`ring_test: SEED=${seed}`);

const CAPACITY = 256;

Deno.test("any series of writes and reads gives what a queue of this capacity gives", () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.integer({ min: 0, max: 0xffff_ffff }),
      parts: fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }),
    }),
    fc.constant("read" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = Ring.create(CAPACITY);
      const queue: { kind: number; body: number[] }[] = [];
      let used = 0;
      for (const each of steps) {
        if (each === "read") {
          const record = ring.tryRead();
          const expected = queue.shift();
          assert.deepEqual(record && plain(record), expected);
          if (expected) used -= sizeOf(expected.body.length);
        } else {
          const body = each.parts.flatMap((part) => [...part]);
          if (body.length > ring.bodyBytesMax) continue;
          const fits = used + sizeOf(body.length) <= CAPACITY;
          assert.equal(ring.tryWrite(each.kind, ...each.parts), fits);
          if (!fits) continue;
          queue.push({ kind: each.kind, body });
          used += sizeOf(body.length);
        }
        assert.equal(ring.usedBytes, used);
      }
    }),
    { seed, numRuns: 500 },
  );
});

Deno.test("positions that pass 2^32 lose nothing", () => {
  const ring = Ring.create(CAPACITY);
  new Int32Array(ring.buffer, 0, 2).fill(-2 * sizeOf(40));
  for (let round = 0; round < 10; round++) {
    const body = new Uint8Array(40).fill(round);
    assert.ok(ring.tryWrite(round, body));
    assert.deepEqual(ring.tryRead(), { kind: round, body });
    assert.equal(ring.usedBytes, 0);
  }
});

Deno.test("the largest record fits into an empty ring, and a larger one is a defect", () => {
  const ring = Ring.create(CAPACITY);
  assert.ok(ring.tryWrite(1, new Uint8Array(ring.bodyBytesMax).fill(7)));
  assert.equal(ring.usedBytes, CAPACITY);
  assert.ok(!ring.tryWrite(2));
  assert.equal(ring.tryRead()?.body.length, ring.bodyBytesMax);
  assert.throws(() => ring.tryWrite(1, new Uint8Array(ring.bodyBytesMax + 1)), DefectError);
});

Deno.test("a capacity that is no power of two is a defect", () => {
  for (const capacity of [0, 32, 96, 1000]) assert.throws(() => Ring.create(capacity), DefectError);
});

Deno.test("records go to another thread and back, in order and whole, though both rings are full", async () => {
  const there = Ring.create(CAPACITY);
  const back = Ring.create(CAPACITY);
  const records = 20_000;
  const worker = new Worker(import.meta.resolve("./ring_test_worker.ts"), { type: "module" });
  worker.postMessage({ source: there.buffer, target: back.buffer, records });
  const write = async () => {
    for (let index = 0; index < records; index++) {
      const body = new Uint8Array(index % (there.bodyBytesMax + 1)).fill(index);
      while (!there.tryWrite(index, body)) await there.writable(body.length);
    }
  };
  const read = async () => {
    for (let index = 0; index < records; index++) {
      let record = back.tryRead();
      while (record === undefined) {
        await back.readable();
        record = back.tryRead();
      }
      assert.equal(record.kind, index);
      assert.equal(record.body.length, index % (back.bodyBytesMax + 1));
      assert.ok(record.body.every((byte) => byte === (index & 0xff)), `record ${index}`);
    }
  };
  await Promise.all([write(), read()]);
  assert.equal(there.usedBytes + back.usedBytes, 0);
  worker.terminate();
});

/** What a record takes in the ring. */
function sizeOf(bodyBytes: number): number {
  return 8 + Math.ceil(bodyBytes / 8) * 8;
}

function plain({ kind, body }: RingRecord): { kind: number; body: number[] } {
  return { kind, body: [...body] };
}
