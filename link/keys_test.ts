import assert from "node:assert/strict";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { keyFileBytes } from "../base/limits.ts";
import { parseAddress } from "./address.ts";
import { generateKeys } from "./keygen.ts";
import { loadKeys } from "./keys.ts";
import { isLoopback, Security } from "./security.ts";

/** A folder that is gone at the end, with a pair's keys in it. */
async function withKeys(run: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "understudy-test-" });
  try {
    await generateKeys({ folder, hosts: ["a", "b"], days: 10 });
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a folder of keys that is no use is refused, and says what to do", async () => {
  const cases: [string, (own: string, other: string) => void, RegExp][] = [
    ["no key", (own) => Deno.removeSync(`${own}/key.pem`), /can't read .*key\.pem.*keygen/],
    ["no authority", (own) => Deno.removeSync(`${own}/ca.pem`), /can't read .*ca\.pem.*keygen/],
    ["an open key", (own) => Deno.chmodSync(`${own}/key.pem`, 0o640), /open to others.*chmod 600/],
    [
      "another host's key",
      (own, other) => Deno.copyFileSync(`${other}/key.pem`, `${own}/key.pem`),
      /key\.pem is not the key of .*cert\.pem/,
    ],
    [
      "no certificate",
      (own) => Deno.writeTextFileSync(`${own}/cert.pem`, "certainly"),
      /cert\.pem is not a certificate in PEM/,
    ],
    [
      "no private key",
      (own) => Deno.writeTextFileSync(`${own}/key.pem`, "open sesame"),
      /key\.pem is not a private key in PEM/,
    ],
    [
      "something else",
      (own) => Deno.writeFileSync(`${own}/cert.pem`, new Uint8Array(keyFileBytes + 1)),
      /65537 bytes, expected at most 65536/,
    ],
  ];
  for (const [what, harm, message] of cases) {
    await withKeys((folder) => {
      harm(`${folder}/a`, `${folder}/b`);
      assert.throws(
        () => loadKeys(`${folder}/a`),
        (error: Error) =>
          (error instanceof UsageError || error instanceof UnavailableError) &&
          message.test(error.message),
        what,
      );
    });
  }
});

Deno.test("a certificate of another authority is refused; a bundle that has its authority is not", async () => {
  await withKeys(async (folder) => {
    await withKeys((others) => {
      const own = Deno.readTextFileSync(`${folder}/ca.pem`);
      const other = Deno.readTextFileSync(`${others}/ca.pem`);
      Deno.writeTextFileSync(`${folder}/a/ca.pem`, other);
      assert.throws(() => loadKeys(`${folder}/a`), /is not of the authority in/);
      Deno.writeTextFileSync(`${folder}/a/ca.pem`, other + own);
      assert.equal(loadKeys(`${folder}/a/`).authority, other + own);
    });
  });
});

Deno.test("keys outside their time are refused with that time", async () => {
  await withKeys((folder) => {
    const dayMs = 24 * 3600 * 1000;
    for (const days of [-1, 11]) {
      const nowMs = Date.now() + days * dayMs;
      assert.throws(() => loadKeys(`${folder}/b`, nowMs), /valid from .* to .*, not now.*clock/);
    }
    assert.ok(loadKeys(`${folder}/b`, Date.now() + 9 * dayMs));
  });
});

Deno.test("keys are made for names of hosts only, once each", async () => {
  await withKeys(async (folder) => {
    for (const host of ["", "..", "a/b", "-a", "a.", "ca.pem", "x".repeat(64), "ü"]) {
      const asked = generateKeys({ folder, hosts: [host], days: 1 });
      await assert.rejects(asked, UsageError, host);
    }
    const twice = generateKeys({ folder, hosts: ["c", "c"], days: 1 });
    await assert.rejects(twice, /named twice/);
    const there = generateKeys({ folder, hosts: ["c", "a"], days: 1 });
    await assert.rejects(there, /a is there already/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      ...["a", "b", "ca.key", "ca.pem"],
    ]);
    Deno.removeSync(`${folder}/ca.key`);
    await assert.rejects(generateKeys({ folder, hosts: ["c"], days: 1 }), UnavailableError);
    await assert.rejects(
      generateKeys({ folder: "/proc/nothing", hosts: ["a"], days: 1 }),
      UnavailableError,
    );
  });
});

Deno.test("what is this host's own is told from what is not, however it is written", () => {
  const own = ["127.0.0.1:1", "127.1:1", "127.255.0.3:1", "[::1]:1", "[0:0::0:1]:1", "LocalHost:1"];
  const others = [
    ...[":1", "[::]:1", "10.0.0.1:1", "127.evil.example:1", "localhost.example:1", "[::2]:1"],
    ...["x@127.0.0.1:1", "127.0.0.1#a:1", "127.0.0.1?a:1", "128.0.0.1:1"],
  ];
  for (const text of own) assert.equal(isLoopback(parseAddress(text)), true, text);
  for (const text of others) assert.equal(isLoopback(parseAddress(text)), false, text);
  assert.throws(() => Security.loopback.permit(parseAddress("10.0.0.1:1")), UsageError);
});
