import assert from "node:assert/strict";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { EtcdArbiter } from "./etcd.ts";
import { parseEtcdSpec } from "./etcd_spec.ts";
import { openArbiter } from "./open.ts";

Deno.test("only file:DIR and etcd:URL are arbiters, and the message says so", () => {
  for (const spec of ["", "file:", "etcd:", "etcd", "/tmp", "http://127.0.0.1:2379"]) {
    assert.throws(
      () => openArbiter(spec),
      (error: Error) =>
        error instanceof UsageError &&
        /supported is file:DIR and etcd:http:\/\/HOST:PORT$/.test(error.message),
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

Deno.test("an etcd is named by its URL, and its keys' prefix may be", () => {
  using arbiter = openArbiter("etcd:http://10.0.0.3:2379", { create: true });
  assert.ok(arbiter instanceof EtcdArbiter);
  const specs: [string, string, number, string][] = [
    ["etcd:http://10.0.0.3:2379", "10.0.0.3", 2379, "/understudy"],
    ["etcd:http://etcd-1.lan:80/", "etcd-1.lan", 80, "/understudy"],
    ["etcd:http://[::1]:2379/?prefix=/a/b.c", "::1", 2379, "/a/b.c"],
    ["etcd:http://localhost:1?prefix=site%2Fa", "localhost", 1, "site/a"],
  ];
  for (const [text, host, port, prefix] of specs) {
    assert.deepEqual(parseEtcdSpec(text), { endpoint: { host, port }, prefix, text });
  }
});

Deno.test("a URL that is not an etcd's, or asks for what is not supported, is refused with what is expected", () => {
  const cases: [string, RegExp][] = [
    ["etcd:10.0.0.3:2379", /not a URL/],
    ["etcd:localhost", /not a URL/],
    ["etcd:http://h:1/#x", /not a URL/],
    ["etcd:https://10.0.0.3:2379", /https is not supported/],
    ["etcd:unix://h:1", /unix is not supported/],
    ["etcd:http://user:secret@h:2379", /a user and a password are not supported/],
    ["etcd:http://a:1,b:1", /several endpoints are not supported/],
    ["etcd:http://a:1,http://b:1", /several endpoints are not supported/],
    ["etcd:http://h:1/v3", /a path \(\/v3\) says nothing here/],
    ["etcd:http://h", /"h" is not HOST:PORT/],
    ["etcd:http://:2379", /":2379" is not HOST:PORT/],
    ["etcd:http://h:0", /"h:0" is not HOST:PORT/],
    ["etcd:http://h:65536", /"h:65536" is not HOST:PORT/],
    ["etcd:http://h:2e3", /"h:2e3" is not HOST:PORT/],
    ["etcd:http://[::1:1", /is not HOST:PORT/],
    ["etcd:http://[1.2:3]:1", /is not HOST:PORT/],
    ["etcd:http://h h:1", /is not HOST:PORT/],
    ["etcd:http://h:1?cacert=x", /cacert= is not known/],
    ["etcd:http://h:1?prefix=a&prefix=b", /more than one prefix/],
    ["etcd:http://h:1?prefix=", /a prefix is 1 to 200 of/],
    ["etcd:http://h:1?prefix=a/", /no slash at its end/],
    ["etcd:http://h:1?prefix=a%20b", /a prefix is 1 to 200 of/],
    [`etcd:http://h:1?prefix=${"x".repeat(201)}`, /a prefix is 1 to 200 of/],
  ];
  for (const [spec, message] of cases) {
    assert.throws(
      () => openArbiter(spec),
      (error: Error) =>
        error instanceof UsageError && message.test(error.message) &&
        !error.message.includes("secret") &&
        /expected etcd:http:\/\/HOST:PORT\[\?prefix=PREFIX\]$/.test(error.message),
      spec,
    );
  }
});
