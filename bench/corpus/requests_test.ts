import assert from "node:assert/strict";
import { chooseSeed, Random } from "../../tests/support/random.ts";
import { REQUESTS, typeAll } from "./requests.ts";

Deno.test("a seed types the same lines in the same rhythm, as many as are announced", () => {
  const seed = chooseSeed("requests");
  const [one, other] = [[...typeAll(new Random(seed))], [...typeAll(new Random(seed))]];
  assert.deepEqual(one, other);
  const text = one.map(({ text }) => text).join("");
  // Each is answered: an empty line would not be.
  const lines = text.split(/(?<=\n)/);
  assert.equal(lines.length, REQUESTS);
  assert.ok(lines.every((line) => /^.+\n$/.test(line)));
  assert.ok(one.every(({ afterMs }) => afterMs >= 0 && afterMs < Infinity));
});
