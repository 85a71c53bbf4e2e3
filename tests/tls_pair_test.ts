/**
 * A pair whose every connection is within TLS: real processes on loopback, with keys that `understudy keygen` made.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { loadKeys } from "../link/keys.ts";
import { Security } from "../link/security.ts";
import { Hosts, PATIENT_MS } from "./support/pair_hosts.ts";
import { runCommand, ScratchDirectory } from "./support/run_command.ts";

/** Has keys made by the command; returns a host's folder. */
async function keygen(folder: string): Promise<(host: string) => string> {
  const { code, stderr } = await runCommand(["keygen", folder]);
  assert.equal(code, ExitCode.ok, stderr);
  return (host) => `${folder}/${host}`;
}

Deno.test("within TLS nothing is lost when either side is killed, and a machine is handed over", async () => {
  using scratch = new ScratchDirectory();
  const keys = await keygen(scratch.file("keys"));
  await using hosts = await Hosts.start(PATIENT_MS, {}, [keys("a"), keys("b")]);
  await hosts.watch.progress(20);
  await hosts.killPrimary();
  await hosts.watch.progress(20);
  await hosts.killBackup();
  await hosts.handOver();
  await hosts.finish();
});

Deno.test("who has no key of the pair can't join it, ask it, or stop it, and it goes on", async () => {
  using scratch = new ScratchDirectory();
  const keys = await keygen(scratch.file("keys"));
  const others = await keygen(scratch.file("others"));
  await using hosts = await Hosts.start(PATIENT_MS, {}, [keys("a"), keys("b")]);
  const [, log] = await hosts.reigning.saying(/a backup can join at (\S+)/);
  const [, status] = await hosts.reigning.saying(/status at https:\/\/(\S+)\/status/);
  const [console] = hosts.pair.consoles.split(",");
  const arbiter = ["--arbiter", hosts.pair.arbiter, "--console", "none", "--id", "ledger"];
  for (const args of [[], ["--keys", others("a")]]) {
    const stopped = await runCommand(["stop", status!, ...args]);
    assert.equal(stopped.code === ExitCode.ok, false, stopped.stderr);
    const watched = await runCommand(["console", console!, "--no-input", ...args], {
      // It tries for a minute; a few seconds tell whether it gets anything.
      prefix: ["timeout", "--preserve-status", "--signal=INT", "3"],
    });
    assert.equal(watched.stdout, "", watched.stderr);
    const joined = await runCommand(["backup", "--primary", log!, ...arbiter, ...args], {
      prefix: ["timeout", "--preserve-status", "--signal=INT", "3"],
    });
    assert.match(joined.stderr, /speaks TLS|without a word|vouch for/, joined.stderr);
    assert.doesNotMatch(joined.stderr, /protected/);
  }
  await hosts.watch.progress(20);
  const { protected: isProtected, backup } = await hosts.reigning.status() as {
    protected: boolean;
    backup?: string;
  };
  assert.deepEqual([isProtected, backup], [true, "second"]);
  await hosts.finish();
});

Deno.test("the keys that keygen makes are private, complete, and never overwritten", async () => {
  using scratch = new ScratchDirectory();
  const folder = scratch.file("keys");
  const host = await keygen(folder);
  for (const name of ["a", "b"]) {
    assert.equal(Deno.statSync(host(name)).mode! & 0o777, 0o700);
    for (const file of Deno.readDirSync(host(name))) {
      assert.equal(Deno.statSync(`${host(name)}/${file.name}`).mode! & 0o777, 0o600, file.name);
    }
    assert.ok(loadKeys(host(name)).validTo > new Date(Date.now() + 3649 * 24 * 3600 * 1000));
  }
  assert.equal(Deno.statSync(`${folder}/ca.key`).mode! & 0o777, 0o600);
  const before = Deno.readTextFileSync(`${host("a")}/key.pem`);
  const again = await runCommand(["keygen", folder]);
  assert.equal(again.code, ExitCode.usage);
  assert.match(again.stderr, /is there already, and is not overwritten/);
  assert.equal(Deno.readTextFileSync(`${host("a")}/key.pem`), before);
  const more = await runCommand(["keygen", folder, "--host", "c", "--days", "2"]);
  assert.match(more.stdout, /the authority in .* has signed, until/);
  const [c, a] = [Security.from({ keys: host("c") }), loadKeys(host("a"))];
  assert.equal(c.keys!.authority, a.authority);
});

Deno.test("beyond this host nothing listens, connects or asks in the clear, unless that is asked for", async () => {
  using scratch = new ScratchDirectory();
  const arbiter = ["--arbiter", `file:${scratch.file("arbiter")}`, "--console", "none"];
  const cases = [
    ["primary", "hello", "--listen", ":0", ...arbiter],
    ["primary", "hello", "--listen", "127.0.0.1:0", ...arbiter, "--status", ":0"],
    ["primary", "hello", "--listen", "127.0.0.1:0", ...arbiter, "--console", "tcp:[::]:0"],
    ["backup", "--primary", "10.0.0.1:7000", ...arbiter],
    ["backup", "--primary", "127.0.0.1:1", ...arbiter, "--listen", ":0"],
    ["backup", "--primary", "127.0.0.1:1", ...arbiter, "--console", "console::0"],
    ["run", "hello", "--console", "console:0.0.0.0:0"],
    ["console", "127.0.0.1:1,host.example:1"],
    ["stop", "10.0.0.1:7002"],
    ["handover", "10.0.0.1:7002"],
  ];
  for (const args of cases) {
    const { code, stderr } = await runCommand(args);
    assert.equal(code, ExitCode.usage, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, /is beyond this host.*keygen.*--keys.*--insecure/, args.join(" "));
  }
  const both = ["run", "hello", "--insecure", "--keys", scratch.path];
  assert.match((await runCommand(both)).stderr, /contradict each other/);
  const insecure = ["primary", "hello", "--listen", ":0", ...arbiter, "--insecure"];
  assert.equal((await runCommand(insecure)).code, ExitCode.ok);
});
