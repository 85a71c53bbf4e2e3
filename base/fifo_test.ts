import assert from "node:assert/strict";
import { Fifo } from "./fifo.ts";

Deno.test("what goes in comes out in order, whatever the order of the calls", () => {
  const fifo = new Fifo<number>();
  const expected: number[] = [];
  for (let step = 0; step < 3000; step++) {
    // Grows, shrinks to nothing, grows again.
    const grows = (step * 7919) % 10 < (step % 1000 < 500 ? 7 : 3);
    if (grows) {
      fifo.push(step);
      expected.push(step);
    } else {
      assert.equal(fifo.shift(), expected.shift());
    }
    if (step % 50 === 0 && expected.length > 0) {
      fifo.replaceFirst(-step);
      expected[0] = -step;
    }
    assert.equal(fifo.length, expected.length);
    assert.equal(fifo.first, expected[0]);
    assert.equal(fifo.last, expected.at(-1));
    if (step % 100 === 0) assert.deepEqual([...fifo], expected);
  }
});
