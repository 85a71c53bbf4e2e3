import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import { decodeValues, differingFields, encodeFields } from "./fields.ts";

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

Deno.test("the fields that differ are named in order, with both values", () => {
  const recorded = [1n, 2n, 3n];
  assert.deepEqual(differingFields(recorded, named(recorded)), []);
  assert.deepEqual(differingFields([...recorded, 9n], named(recorded)), []);
  const second = { name: "f1", recorded: "0x2", replayed: "0xff" };
  const third = { name: "f2", recorded: "0x3", replayed: "0x4" };
  assert.deepEqual(differingFields(recorded, named([1n, 0xffn, 4n])), [second, third]);
  const counts = (name: string) => name !== "f1";
  assert.deepEqual(differingFields(recorded, named([1n, 0xffn, 4n]), counts), [third]);
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
