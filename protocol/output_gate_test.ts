import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { OutputGate } from "./output_gate.ts";
import { output, seed, textOf } from "./protocol_test_support.ts";

function taken(gate: OutputGate): string[] {
  return gate.take().map(({ bytes }) => textOf(bytes));
}

Deno.test("an output is taken once its point is released, and only then", () => {
  const gate = new OutputGate();
  gate.add(output(0, "a", 5));
  assert.deepEqual(taken(gate), []);
  gate.releaseThrough(4);
  assert.deepEqual(taken(gate), []);
  gate.releaseThrough(5);
  assert.deepEqual(taken(gate), ["a"]);
  assert.equal(gate.takenThrough, 5);
});

Deno.test("one output a sink is performed at a time, in order", () => {
  const gate = new OutputGate();
  gate.releaseThrough(9);
  gate.add(output(0, "ab", 1));
  gate.add(output(2, "c", 2));
  gate.add(output(0, "other", 2, 1));
  assert.deepEqual(taken(gate), ["ab", "other"]);
  assert.deepEqual(taken(gate), []);
  assert.equal(gate.performed(0), 2);
  assert.deepEqual(taken(gate), ["c"]);
  assert.equal(gate.performed(0), 3);
  assert.equal(gate.performed(1), 5);
  assert.ok(gate.isEmpty);
});

Deno.test("what was released can be held again, but for what is being performed", () => {
  const gate = new OutputGate();
  gate.releaseThrough(9);
  gate.add(output(0, "a", 1));
  gate.add(output(1, "b", 2));
  assert.deepEqual(taken(gate), ["a"]);
  gate.releaseThrough(-1);
  gate.performed(0);
  assert.deepEqual(taken(gate), []);
  assert.deepEqual(gate.undone().map(({ offset }) => offset), [1]);
  assert.equal(gate.heldBytes, 1);
  assert.equal(gate.heldOutputs, 1);
});

Deno.test("an output that does not follow on the last one is a defect", () => {
  const gate = new OutputGate();
  gate.add(output(7, "ab", 1));
  assert.throws(() => gate.add(output(8, "c", 2)), DefectError);
  assert.throws(() => gate.performed(0), DefectError);
});

Deno.test("a machine taken over that does not go on where its kept outputs end is the peer's fault", () => {
  const gate = new OutputGate();
  gate.adopt(output(7, "ab", 1));
  gate.adopt(output(9, "c", 1));
  assert.throws(() => gate.add(output(600, "d", 2)), PeerError);
  gate.add(output(10, "d", 2));
  assert.throws(() => gate.add(output(600, "e", 3)), DefectError);
});

Deno.test("whatever happens, outputs leave in order, each once, none before its release", () => {
  const steps = fc.array(fc.oneof(
    fc.record({ kind: fc.constant("add"), size: fc.nat(5), ahead: fc.nat(3) }),
    fc.record({ kind: fc.constant("release"), size: fc.nat(40), ahead: fc.constant(0) }),
    fc.record({ kind: fc.constant("performed"), size: fc.constant(0), ahead: fc.constant(0) }),
  ));
  fc.assert(
    fc.property(steps, (script) => {
      const gate = new OutputGate();
      let [made, point, released, left] = [0, 0, -1, 0];
      let performing: { end: number } | undefined;
      for (const { kind, size, ahead } of script) {
        if (kind === "add") {
          point += ahead;
          gate.add({ sink: 0, offset: made, point, bytes: new Uint8Array(size) });
          made += size;
        } else if (kind === "release") {
          gate.releaseThrough(released = size);
        } else if (performing !== undefined) {
          assert.equal(gate.performed(0), performing.end);
          left = performing.end;
          performing = undefined;
        }
        for (const next of gate.take()) {
          assert.equal(performing, undefined);
          assert.equal(next.offset, left);
          assert.ok(next.point <= released);
          performing = { end: next.offset + next.bytes.length };
        }
        assert.equal(gate.heldBytes, made - left);
      }
    }),
    { seed, numRuns: 500 },
  );
});
