import assert from "node:assert/strict";
import fc from "fast-check";
import { DivergenceError, PeerError } from "../base/errors.ts";
import { compareFields, decodeValues, encodeFields } from "./fields.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`fields_test: SEED=${seed}`);

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

function named(values: readonly bigint[]) {
  return values.map((value, index) => ({ name: `f${index}`, value }));
}

Deno.test("any values come back as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(u64, fc.bigInt({ min: 0n, max: 300n }))), (values) => {
      assert.deepEqual(decodeValues(encodeFields(named(values))), values);
    }),
    { seed },
  );
});

Deno.test("the first field that differs is named, with both values and the point", () => {
  const recorded = [1n, 2n, 3n];
  compareFields(recorded, named(recorded), 7);
  compareFields([...recorded, 9n], named(recorded), 7);
  assert.throws(() => compareFields(recorded, named([1n, 0xffn, 4n]), 7), (error) => {
    assert.ok(error instanceof DivergenceError);
    assert.equal(error.point, 7);
    assert.equal(error.place, "f1");
    assert.equal(error.recorded, "0x2");
    assert.equal(error.replayed, "0xff");
    return true;
  });
});

Deno.test("a value that is cut or too long is a peer's fault", () => {
  assert.throws(() => decodeValues(Uint8Array.of(1, 0x80)), PeerError);
  assert.throws(() => decodeValues(new Uint8Array(11).fill(0x80)), PeerError);
  const beyond64 = Uint8Array.of(...new Array(9).fill(0xff), 0x7f);
  assert.throws(() => decodeValues(beyond64), PeerError);
});

Deno.test("whatever the bytes, they are values of 64 bits or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        for (const value of decodeValues(bytes)) assert.ok(value < 2n ** 64n);
      } catch (error) {
        assert.ok(error instanceof PeerError, `${error}`);
      }
    }),
    { seed, numRuns: 2000 },
  );
});
