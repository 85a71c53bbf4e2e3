import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "./assert.ts";
import { array, type Bytes, type Scalar, sizeOf, struct, union } from "./layout.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`layout_test: SEED=${seed}`);

const point = struct("point", { x: "u16", y: "i32" }, 8);
const shape = struct("shape", {
  kind: "u8",
  corners: array(point, 2),
  area: "u64",
  either: union("either", { byte: "u8", word: "u32" }, 4),
}, 40);

Deno.test("offsets follow C's alignment rules", () => {
  assert.equal(point.offset("y"), 4);
  assert.equal(shape.offset("corners"), 4);
  assert.equal(shape.offset("corners.1.y"), 16);
  assert.equal(shape.offset("area"), 24);
  assert.equal(shape.offset("either.byte"), 32);
  assert.equal(shape.offset("either.word"), 32);
  assert.equal(shape.align, 8);
});

Deno.test("a size that the fields do not add up to is refused", () => {
  assert.throws(() => struct("wrong", { a: "u8", b: "u64" }, 9), DefectError);
});

Deno.test("a path that leads nowhere is refused, by the types too", () => {
  const view = shape.view(new Uint8Array(shape.size));
  // @ts-expect-error misspelt
  assert.throws(() => shape.get(view, "kinds"), /shape has no kinds/);
  // @ts-expect-error not a scalar's field
  assert.throws(() => shape.get(view, "kind.x"), DefectError);
  assert.throws(() => shape.get(view, "corners.2.x"), DefectError);
  // @ts-expect-error 64 bits take a bigint
  assert.throws(() => shape.set(view, "area", 1), TypeError);
});

Deno.test("a view of too few bytes is refused", () => {
  assert.throws(() => point.view(new Uint8Array(7)), DefectError);
  assert.throws(() => point.view(new Uint8Array(8), 1), DefectError);
});

Deno.test("scalars are little endian and keep their sign", () => {
  const bytes: Bytes = new Uint8Array(shape.size + 3);
  const view = shape.view(bytes, 3);
  shape.set(view, "corners.1.x", 0xfffe);
  shape.set(view, "corners.1.y", -2);
  shape.set(view, "area", 0x8000_0000_0000_0001n);
  assert.equal(shape.get(view, "corners.1.x"), 0xfffe);
  assert.equal(shape.get(view, "corners.1.y"), -2);
  assert.equal(shape.get(view, "area"), 0x8000_0000_0000_0001n);
  assert.deepEqual([...bytes.subarray(3 + 12, 3 + 14)], [0xfe, 0xff]);
});

Deno.test("leaves name every scalar in C order", () => {
  assert.deepEqual([...shape.leaves()].map(({ path, offset }) => `${path}@${offset}`), [
    "kind@0",
    "corners.0.x@4",
    "corners.0.y@8",
    "corners.1.x@12",
    "corners.1.y@16",
    "area@24",
    "either.byte@32",
    "either.word@32",
  ]);
});

Deno.test("in any struct fields are aligned, in order, and fill it with the least padding", () => {
  const scalar = fc.constantFrom<Scalar>("u8", "u16", "u32", "u64", "i32", "i64");
  const field = fc.oneof(scalar, fc.tuple(scalar, fc.integer({ min: 1, max: 5 })));
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 12 }), (types) => {
      const fields = Object.fromEntries(
        types.map((type, i) => [`f${i}`, typeof type === "string" ? type : array(...type)]),
      );
      let end = 0;
      let align = 1;
      const expected = Object.values(fields).map((type) => {
        const own = typeof type === "string" ? sizeOf(type) : sizeOf(type.element);
        while (end % own !== 0) end++;
        const offset = end;
        end += sizeOf(type);
        align = Math.max(align, own);
        return offset;
      });
      while (end % align !== 0) end++;
      const layout = struct("any", fields, end);
      assert.deepEqual([...layout.places.values()].map(({ offset }) => offset), expected);
    }),
    { seed },
  );
});
