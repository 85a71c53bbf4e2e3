import assert from "node:assert/strict";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { openArbiter } from "./open.ts";

Deno.test("only file:DIR and etcd:URL are arbiters, and the message says so", () => {
  for (const spec of ["", "file:", "etcd:", "etcd", "/tmp", "http://127.0.0.1:2379"]) {
    assert.throws(
      () => openArbiter(spec),
      (error: Error) =>
        error instanceof UsageError &&
        /supported is file:DIR and etcd:URL\[,URL...\], with URLs such as/.test(error.message),
    );
  }
});

Deno.test("the directory is created for a fresh machine only", async () => {
  const scratch = Deno.makeTempDirSync({ prefix: "understudy-arbiter-" });
  try {
    const spec = `file:${scratch}/a/b`;
    using existing = openArbiter(spec);
    await assert.rejects(existing.latest("m"), UnavailableError);
    using fresh = openArbiter(spec, { create: true });
    assert.equal(await fresh.latest("m"), undefined);
    Deno.writeTextFileSync(`${scratch}/file`, "");
    assert.throws(() => openArbiter(`file:${scratch}/file`, { create: true }), UnavailableError);
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
});
