import assert from "node:assert/strict";
import { OsError } from "./errors.ts";

Deno.test("a call of the system that failed is named with its errno, and without one if it left none", () => {
  assert.equal(
    new OsError("mmap", 12, "more memory?").message,
    "mmap failed: errno 12; more memory?",
  );
  assert.equal(
    new OsError("writing a log", 0, "disk full").message,
    "writing a log failed; disk full",
  );
  assert.equal(new OsError("pwrite", 0).message, "pwrite failed");
});
