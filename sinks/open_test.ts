import assert from "node:assert/strict";
import { UsageError } from "../base/errors.ts";
import { openSink } from "./open.ts";
import { type Stdio, StdioSink } from "./stdio.ts";

Deno.test("a sink that is not one is refused with the list of those that are", () => {
  for (const spec of ["", "file:", "console:", "disk:x", "constructor:x", "stdio:x"]) {
    assert.throws(
      () => openSink(spec, { machineId: "m" }),
      (error: Error) => error instanceof UsageError && /stdio, file:PATH/.test(error.message),
    );
  }
  assert.throws(() => openSink("tcp:nowhere", { machineId: "m" }), UsageError);
});

Deno.test("none takes everything and has no input", async () => {
  const sink = openSink("none", { machineId: "m" });
  await sink.perform(0, new Uint8Array(3));
  assert.equal(await sink.readInput(), undefined);
  await sink.close();
});

Deno.test("stdio performs what the write took, in parts if need be, and reads to the end", async () => {
  const written: number[] = [];
  const input = [new Uint8Array([7, 8])];
  const stdio: Stdio = {
    write(bytes) {
      written.push(...bytes.subarray(0, 2));
      return Promise.resolve(Math.min(2, bytes.length));
    },
    read(into) {
      const chunk = input.shift();
      if (chunk) into.set(chunk);
      return Promise.resolve(chunk?.length ?? null);
    },
  };
  const sink = new StdioSink("stdio", stdio);
  await sink.perform(0, new Uint8Array([1, 2, 3, 4, 5]));
  assert.deepEqual(written, [1, 2, 3, 4, 5]);
  assert.deepEqual(await sink.readInput(), new Uint8Array([7, 8]));
  assert.equal(await sink.readInput(), undefined);
});
