import assert from "node:assert/strict";
import { libc } from "./libc.ts";
import { inHaste } from "./priority.ts";

Deno.test("work in haste comes to what it comes to, and leaves the thread as nice as it was", () => {
  const before = libc.nice(0);
  assert.equal(inHaste(1, () => "done"), "done");
  assert.equal(libc.nice(0), before);
  assert.throws(() =>
    inHaste(1, () => {
      throw new Error("it went wrong");
    }), /it went wrong/);
  assert.equal(libc.nice(0), before);
});
