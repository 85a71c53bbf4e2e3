import assert from "node:assert/strict";
import { ByteWriter } from "./byte_writer.ts";

Deno.test("varints are LEB128, up to the largest safe integer", () => {
  const cases: readonly [number, readonly number[]][] = [
    [0, [0]],
    [127, [127]],
    [128, [0x80, 1]],
    [300, [0xac, 2]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
    [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]],
    [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ];
  for (const [value, expected] of cases) {
    const out = new ByteWriter();
    out.varint(value);
    assert.deepEqual([...out.from(0)], expected, String(value));
  }
});

Deno.test("what was written is there after the buffer has grown, and gone after it was cleared", () => {
  const out = new ByteWriter();
  const large = new Uint8Array(1 << 17).fill(7);
  out.u32(0x01020304);
  out.bytes(large);
  out.u64(2 ** 53 - 1);
  out.u8(9);
  assert.equal(out.length, 4 + large.length + 8 + 1);
  assert.deepEqual([...out.from(0).subarray(0, 5)], [4, 3, 2, 1, 7]);
  const end = [...out.from(4 + large.length)];
  assert.deepEqual(end, [255, 255, 255, 255, 255, 255, 31, 0, 9]);
  out.clear();
  assert.equal(out.from(0).length, 0);
});
