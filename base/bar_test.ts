import assert from "node:assert/strict";
import { bar } from "./bar.ts";

Deno.test("a bar is full for all of it, empty for nothing, and never longer than it may be", () => {
  assert.equal(bar(0, 4), "░░░░");
  assert.equal(bar(0.5, 4), "██░░");
  assert.equal(bar(1, 4), "████");
  assert.equal(bar(7, 4), "████");
  assert.equal(bar(-1, 4), "░░░░");
});
