import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { FrameOrder } from "./frame_order.ts";
import { frame, seed } from "./protocol_test_support.ts";

const numbers = (frames: readonly { readonly sequence: number }[]) =>
  frames.map(({ sequence }) => sequence);

Deno.test("frames in their order have their turn at once", () => {
  const order = new FrameOrder();
  for (let sequence = 1; sequence < 5; sequence++) {
    assert.deepEqual(numbers(order.take(frame(sequence, 1))), [sequence]);
  }
  assert.equal(order.aheadBytes, 0);
});

Deno.test("log that is ahead waits for the last pages, then follows them in order", () => {
  const order = new FrameOrder();
  order.take(frame(1, 0));
  assert.deepEqual(order.take(frame(4, 10)), []);
  assert.deepEqual(order.take(frame(5, 11)), []);
  assert.equal(order.aheadBytes, 20);
  assert.deepEqual(numbers(order.take(frame(2, 0))), [2]);
  assert.deepEqual(numbers(order.take(frame(3, 0))), [3, 4, 5]);
  assert.equal(order.aheadBytes, 0);
  assert.deepEqual(numbers(order.take(frame(6, 12))), [6]);
});

Deno.test("a frame that comes again, or leaves a gap behind one that is ahead, is a defect", () => {
  const order = new FrameOrder();
  order.take(frame(1, 0));
  assert.throws(() => order.take(frame(1, 0)), DefectError);
  order.take(frame(5, 1));
  assert.throws(() => order.take(frame(7, 1)), DefectError);
});

Deno.test("once the state is whole nothing is ahead any more: a gap is a defect", () => {
  const order = new FrameOrder();
  order.take(frame(1, 10, { completesState: true }));
  assert.throws(() => order.take(frame(3, 11)), DefectError);
});

Deno.test("however two threads' frames meet, each has its turn once, in order", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), fc.infiniteStream(fc.boolean()), (pages, log, fromLog) => {
      const order = new FrameOrder();
      const turns: number[] = [];
      let [nextPages, nextLog] = [1, pages + 1];
      while (nextPages <= pages || nextLog <= pages + log) {
        const isLog = nextPages > pages || nextLog <= pages + log && fromLog.next().value;
        turns.push(...numbers(order.take(frame(isLog ? nextLog++ : nextPages++, 0))));
      }
      assert.deepEqual(turns, Array.from({ length: pages + log }, (_, index) => index + 1));
    }),
    { seed },
  );
});
