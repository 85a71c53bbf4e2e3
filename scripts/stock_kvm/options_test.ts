import assert from "node:assert/strict";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { parseLimit, parseMemory } from "./options.ts";

Deno.test("memory is given with its unit, and must hold the root file system", () => {
  assert.equal(parseMemory("3G"), 3072);
  assert.equal(parseMemory("1024M"), 1024);
  for (const text of ["512M", "3", "much"]) {
    assert.throws(() => parseMemory(text), InvalidArgumentError, text);
  }
});

Deno.test("a limit is given in milliseconds, seconds or minutes", () => {
  assert.deepEqual(["500ms", "90s", "10m"].map(parseLimit), [500, 90_000, 600_000]);
  for (const text of ["0s", "1h", "m"]) {
    assert.throws(() => parseLimit(text), InvalidArgumentError, text);
  }
});
