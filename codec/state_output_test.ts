import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import { decodeStateOutput, encodeStateOutput } from "./state_output.ts";

Deno.test("an output comes back from its section as it went in", () => {
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.nat(2 ** 31 - 1),
      fc.uint8Array({ minLength: 1, maxLength: 99 }),
      (sink, offset, bytes) => {
        const output = { sink, offset: offset * 2 ** 20, bytes };
        assert.deepEqual(decodeStateOutput(encodeStateOutput(output)), output);
      },
    ),
  );
});

Deno.test("what came out of a section does not change with it", () => {
  const section = encodeStateOutput({ sink: 0, offset: 1, bytes: new Uint8Array([7]) });
  const { bytes } = decodeStateOutput(section);
  section.fill(0);
  assert.deepEqual([...bytes], [7]);
});

Deno.test("a section without bytes, or at an offset that no number can count, is the peer's error", () => {
  const bytes = new Uint8Array([1]);
  const odd = [-1, 0.5, NaN, Infinity, 2 ** 53 - 1].map((offset) =>
    encodeStateOutput({ sink: 0, offset, bytes })
  );
  const short = [new Uint8Array(0), new Uint8Array(8), new Uint8Array(9)];
  for (const section of [...odd, ...short]) {
    assert.throws(() => decodeStateOutput(section), PeerError);
  }
});
