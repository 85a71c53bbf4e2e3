import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import { KeptOutputs } from "./kept_outputs.ts";
import type { Output } from "./output_gate.ts";
import { output, seed, textOf } from "./protocol_test_support.ts";

function texts(outputs: readonly Output[]): string[] {
  return outputs.map(({ offset, bytes }) => `${offset} ${textOf(bytes)}`);
}

Deno.test("outputs are kept until their notice comes, and then come out as done", () => {
  const kept = new KeptOutputs();
  assert.deepEqual(kept.add(output(0, "abc", 1)), []);
  assert.deepEqual(kept.add(output(3, "de", 2)), []);
  assert.deepEqual(texts(kept.done(0, 3)), ["0 abc"]);
  assert.deepEqual(texts(kept.all()), ["3 de"]);
  assert.equal(kept.bytes, 2);
  assert.equal(kept.count, 1);
});

Deno.test("a notice that ran ahead of the replay makes the output done at once", () => {
  const kept = new KeptOutputs();
  assert.deepEqual(kept.done(0, 2), []);
  assert.deepEqual(texts(kept.add(output(0, "abc", 1))), ["0 ab"]);
  assert.deepEqual(texts(kept.all()), ["2 c"]);
});

Deno.test("a gap or an overlap is a PeerError, also where all before it is done", () => {
  const kept = new KeptOutputs();
  kept.add(output(5, "ab", 1));
  assert.throws(() => kept.add(output(6, "x", 2)), PeerError);
  kept.done(0, 7);
  assert.throws(() => kept.add(output(8, "x", 2)), PeerError);
  assert.deepEqual(kept.all(), []);
});

Deno.test("a stream longer than numbers can count is a PeerError", () => {
  const kept = new KeptOutputs();
  assert.throws(() => kept.add(output(Number.MAX_SAFE_INTEGER, "x", 1)), PeerError);
});

Deno.test("a notice that takes an earlier one back is a PeerError", () => {
  const kept = new KeptOutputs();
  kept.done(0, 7);
  assert.throws(() => kept.done(0, 6), PeerError);
});

Deno.test("notices beyond what the machine put out are found once it has caught up", () => {
  const kept = new KeptOutputs();
  kept.done(3, 9);
  assert.equal(kept.overrun(), undefined);
  kept.add(output(5, "ab", 1, 3));
  assert.deepEqual(kept.overrun(), {
    place: "outputs of sink 3",
    recorded: "performed up to 9",
    replayed: "put out up to 7",
  });
  kept.add(output(7, "cde", 2, 3));
  assert.equal(kept.overrun(), undefined);
});

Deno.test("kept and done are, byte for byte, what a plain model of the streams says", () => {
  const steps = fc.array(fc.record({ sink: fc.nat(1), isNotice: fc.boolean(), size: fc.nat(6) }));
  fc.assert(
    fc.property(steps, (script) => {
      const kept = new KeptOutputs();
      const model = [{ end: 0, doneOffset: 0, dropped: 0 }, { end: 0, doneOffset: 0, dropped: 0 }];
      for (const { sink, isNotice, size } of script) {
        const stream = model[sink]!;
        const point = stream.end;
        if (isNotice) stream.doneOffset += size;
        const done = isNotice
          ? kept.done(sink, stream.doneOffset)
          : kept.add({ sink, offset: stream.end, point, bytes: bytesAt(stream.end, size) });
        if (!isNotice) stream.end += size;
        for (const { offset, bytes } of done) {
          assert.equal(offset, stream.dropped);
          assert.deepEqual(bytes, bytesAt(offset, bytes.length));
          stream.dropped += bytes.length;
        }
        assert.equal(stream.dropped, Math.min(stream.end, stream.doneOffset));
        const left = kept.all().filter((one) => one.sink === sink).flatMap((
          { bytes },
        ) => [...bytes]);
        assert.deepEqual(left, [...bytesAt(stream.dropped, stream.end - stream.dropped)]);
      }
      assert.equal(kept.bytes, kept.all().reduce((sum, { bytes }) => sum + bytes.length, 0));
    }),
    { seed, numRuns: 500 },
  );
});

Deno.test("outputs without bytes are not kept: no bound on bytes would stop them", () => {
  const kept = new KeptOutputs();
  for (let times = 0; times < 10; times++) {
    assert.deepEqual(kept.add({ sink: 0, offset: 5, point: 1, bytes: new Uint8Array() }), []);
  }
  assert.equal(kept.count, 0);
  kept.add({ sink: 0, offset: 5, point: 2, bytes: bytesAt(5, 1) });
  assert.deepEqual(kept.done(0, 9).map(({ offset }) => offset), [5]);
});

/** Bytes that tell their own offset. */
function bytesAt(offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => offset + index);
}

Deno.test("a state makes void what was kept, and says where each sink's stream goes on", () => {
  const kept = new KeptOutputs();
  kept.add(output(0, "abc", 1));
  kept.done(0, 1);
  kept.restart();
  assert.equal(kept.bytes, 0);
  assert.deepEqual(kept.all(), []);
  // What of it is done, notices have told before.
  assert.deepEqual(texts(kept.add(output(0, "xyz", 7))), ["0 x"]);
  assert.deepEqual(texts(kept.all()), ["1 yz"]);
});

Deno.test("what was put out after a point can be given up, and nothing else goes with it", () => {
  const kept = new KeptOutputs();
  kept.add(output(0, "ab", 1));
  kept.add(output(2, "c", 2));
  kept.add(output(3, "d", 3, 1));
  kept.dropAfter(1);
  assert.deepEqual(texts(kept.all()), ["0 ab"]);
  assert.equal(kept.bytes, 2);
});
