import assert from "node:assert/strict";
import type { LogHeader } from "./codec.ts";
import { refused } from "./codec_test_support.ts";
import { FrameOrder } from "./frame_order.ts";

function header(sequence: number, generation = 1, through = 0): LogHeader {
  const checksums = { exitsChecksum: 0, outputsChecksum: 0 };
  return { sequence, generation, through, ...checksums, eventCount: 0 };
}

Deno.test("frames follow without a gap, in reigns and up to points that do not go back", () => {
  const order = new FrameOrder();
  order.follow(header(1, 1, 5));
  order.follow(header(2, 1, 5));
  refused(() => order.follow(header(4, 1, 6)), /sequence 4, expected 3/);
  refused(() => order.follow(header(2, 1, 6)), /sequence 2, expected 3/);
  refused(() => order.follow(header(3, 0, 6)), /generation 0 comes after generation 1/);
  refused(() => order.follow(header(3, 1, 4)), /through 4 comes after through 5/);
  order.follow(header(3, 2, 6));
  assert.equal(order.last?.sequence, 3);
  assert.ok(!order.isPiece);
});

Deno.test("what does not begin with frame 1 is a piece; there is no frame 0", () => {
  const order = new FrameOrder();
  refused(() => order.follow(header(0)), /sequence 0, expected 1 at least/);
  order.follow(header(7));
  assert.ok(order.isPiece);
  assert.equal(order.first?.sequence, 7);
});
