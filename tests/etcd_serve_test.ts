/**
 * `understudy serve` with a real etcd in earnest: three members, TLS, certificates, a password; members die and
 * hang while the machine's hosts do.
 */
import { register } from "../arbiter/contract_test_support.ts";
import assert from "node:assert/strict";
import { openArbiter } from "../arbiter/open.ts";
import { ExitCode } from "../base/errors.ts";
import { TestAuthority } from "./support/certificates.ts";
import { EtcdServer, PASSWORD } from "./support/etcd_server.ts";
import { ScratchDirectory } from "./support/run_command.ts";
import { ServeHosts } from "./support/serve_hosts.ts";

Deno.test("nothing is lost over three takeovers, with one member of the etcd dead, and one hanging", async () => {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(new TestAuthority());
  const scratch = stack.use(new ScratchDirectory());
  const tls = { authority, identity: authority.issue("server") };
  const members = await EtcdServer.startCluster(3, { tls });
  for (const member of members) stack.use(member);
  await members[0]!.wantPassword();
  const { cert, key } = authority.issue("client", {
    usage: "clientAuth",
    subject: "/O=understudy",
  });
  const file = scratch.write("password", new TextEncoder().encode(`${PASSWORD}\n`));
  const urls = members.map(({ url }) => url).join(",");
  const options = `cacert=${authority.cert}&cert=${cert}&key=${key}`;
  const arbiter = `etcd:${urls}?${options}&user=understudy&passwordfile=${file}`;

  const hosts = stack.use(await ServeHosts.start({ arbiter }));
  await hosts.killReigning();
  await members[0]!.kill();
  await hosts.killReigning();
  await members[0]!.restart();
  await members[1]!.pause();
  await hosts.killReigning();
  members[1]!.resume();
  assert.equal((await hosts.latest())?.generation, 4);
  await hosts.finish();
});

Deno.test("the password of an etcd can come from the environment, and a wrong one keeps both waiting", async () => {
  await using server = await EtcdServer.start();
  await server.wantPassword();
  const arbiter = `${server.spec}?user=understudy`;
  await using wrong = new ServeHosts({ arbiter, env: { UNDERSTUDY_ETCD_PASSWORD: "guess" } });
  const side = wrong.first.start();
  await side.saying(/waits: the arbiter is out of reach: .*the right password/);
  side.signal("SIGTERM");
  await wrong.first.ended();
  wrong.second.start("--arbiter", `${server.spec}?user=`);
  await wrong.second.ended(ExitCode.usage);
  await using hosts = new ServeHosts({ arbiter, env: { UNDERSTUDY_ETCD_PASSWORD: PASSWORD } });
  for (const host of hosts.both) host.start();
  const [reigning] = await hosts.isProtected();
  using reader = openArbiter(`${arbiter}:${encodeURIComponent(PASSWORD)}`);
  const latest = await reader.latest("ledger");
  assert.equal(latest?.who, reigning.name);
  assert.equal((await reader.claim(register(1, "x", { machineId: "ledger" }))).kind, "lost");
});
