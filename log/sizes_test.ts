import assert from "node:assert/strict";
import fc from "fast-check";
import { Sizes } from "./sizes.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
console.log(`sizes: SEED=${seed}`);

Deno.test("sum, mean and median of counted sizes are those of the sizes in order", () => {
  const sizes = fc.array(fc.oneof(fc.nat(3), fc.nat(300_000)), { minLength: 1 });
  fc.assert(
    fc.property(sizes, (values) => {
      const counted = new Sizes();
      for (const value of values) counted.add(value);
      const ordered = values.toSorted((one, other) => one - other);
      const sum = values.reduce((sum, value) => sum + value, 0);
      assert.equal(counted.count, values.length);
      assert.equal(counted.sum, sum);
      assert.deepEqual(counted.distribution(), {
        mean: sum / values.length,
        median: ordered[Math.ceil(values.length / 2) - 1],
      });
    }),
    { seed },
  );
});
