import assert from "node:assert/strict";
import { UnavailableError } from "../../base/errors.ts";
import { compressedBytes } from "./compressors.ts";

// More than a pipe holds.
const bytes = new Uint8Array(1 << 20);
const command = (program: string) => ({ name: program, program, args: [] });

Deno.test("what a program writes is counted", async () => {
  assert.equal(await compressedBytes(command("cat"), bytes), bytes.length);
});

Deno.test("a program that is not there is no error, one that fails is", async () => {
  assert.equal(await compressedBytes(command("understudy-has-no-such-program"), bytes), undefined);
  await assert.rejects(compressedBytes(command("false"), bytes), UnavailableError);
});
