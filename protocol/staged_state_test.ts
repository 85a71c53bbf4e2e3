import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import { keptOutputBytes } from "../base/limits.ts";
import { encodeStateOutput } from "../codec/state_output.ts";
import { StagedState } from "./staged_state.ts";

const bytes = (length: number) => new Uint8Array(length).fill(7);

Deno.test("what was gathered comes out whole, in its order, and once", () => {
  const staged = new StagedState(100);
  assert.ok(staged.isEmpty);
  staged.addPages(bytes(60));
  staged.addOutput(encodeStateOutput({ sink: 0, offset: 5, bytes: bytes(2) }));
  staged.addOutput(encodeStateOutput({ sink: 1, offset: 0, bytes: bytes(1) }));
  staged.addOutput(encodeStateOutput({ sink: 0, offset: 7, bytes: bytes(3) }));
  staged.addPages(bytes(40));
  assert.ok(!staged.isEmpty);
  assert.deepEqual(staged.takePages().map(({ length }) => length), [60, 40]);
  const outputs = staged.takeOutputs([5, 0], [10, 1]);
  assert.deepEqual(outputs.map(({ sink, offset }) => [sink, offset]), [[0, 5], [1, 0], [0, 7]]);
  assert.ok(staged.isEmpty);
  assert.deepEqual(staged.takePages(), []);
  assert.deepEqual(staged.takeOutputs([10, 1], [10, 1]), []);
});

Deno.test("more pages or outputs than there can be are a PeerError, whatever came before", () => {
  const staged = new StagedState(100);
  staged.addPages(bytes(100));
  assert.throws(() => staged.addPages(bytes(1)), PeerError);
  staged.takePages();
  staged.addPages(bytes(100));
  const half = encodeStateOutput({ sink: 0, offset: 0, bytes: bytes(keptOutputBytes / 2) });
  staged.addOutput(half);
  staged.addOutput(half);
  const one = encodeStateOutput({ sink: 0, offset: 0, bytes: bytes(1) });
  assert.throws(() => staged.addOutput(one), PeerError);
});

Deno.test("outputs that leave a gap, or do not lead to where the state has them, are a PeerError", () => {
  const cases: [before: number[], after: number[]][] = [
    [[4], [7]],
    [[6], [7]],
    [[5], [8]],
    [[5], [6]],
    [[], []],
  ];
  for (const [before, after] of cases) {
    const staged = new StagedState(0);
    staged.addOutput(encodeStateOutput({ sink: 0, offset: 5, bytes: bytes(2) }));
    assert.throws(() => staged.takeOutputs(before, after), PeerError, `${before} ${after}`);
  }
  assert.throws(() => new StagedState(0).takeOutputs([5], [6]), PeerError, "none at all");
});

Deno.test("any bytes as outputs are taken or a PeerError", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (sections) => {
    const staged = new StagedState(0);
    try {
      for (const section of sections) staged.addOutput(section as Uint8Array<ArrayBuffer>);
      staged.takeOutputs([0], [0]);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
    }
  }));
});
