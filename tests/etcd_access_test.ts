/**
 * The etcd arbiter where etcd wants TLS, certificates and passwords: with a real one.
 */
import assert from "node:assert/strict";
import type { Arbiter } from "../arbiter/arbiter.ts";
import { register } from "../arbiter/contract_test_support.ts";
import { openArbiter } from "../arbiter/open.ts";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { type Identity, TestAuthority } from "./support/certificates.ts";
import { EtcdServer, PASSWORD } from "./support/etcd_server.ts";

/** Asserts that nothing can be learnt or claimed. */
async function isOutOfReach(arbiter: Arbiter, why: RegExp): Promise<void> {
  await assert.rejects(arbiter.latest("m"), (error: Error) => {
    assert.match(error.message, why);
    return error instanceof UnavailableError && !error.message.includes(PASSWORD);
  });
  const result = await arbiter.claim(register(1, "mine"));
  assert.ok(result.kind === "unreachable" && why.test(result.why), JSON.stringify(result));
}

/** An etcd that wants a client's certificate, and what there is to ask it with. */
class SecureEtcd implements AsyncDisposable {
  readonly authority = new TestAuthority();
  readonly client = this.authority.issue("client", { usage: "clientAuth" });
  #server: EtcdServer | undefined;

  static async start(identity?: (authority: TestAuthority) => Identity): Promise<SecureEtcd> {
    const etcd = new SecureEtcd();
    const { authority } = etcd;
    try {
      const tls = { authority, identity: identity?.(authority) ?? authority.issue("server") };
      etcd.#server = await EtcdServer.start({ tls });
      return etcd;
    } catch (error) {
      authority[Symbol.dispose]();
      throw error;
    }
  }

  get server(): EtcdServer {
    return this.#server!;
  }

  /** As `--arbiter` names it, with these files. */
  spec({ ca = this.authority.cert, own = this.client }: { ca?: string; own?: Identity }): string {
    return `${this.server.spec}?cacert=${ca}&cert=${own.cert}&key=${own.key}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.authority[Symbol.dispose]();
  }
}

Deno.test("an etcd is asked by TLS with a client's certificate, by an address or a name of its certificate", async () => {
  await using etcd = await SecureEtcd.start();
  using arbiter = openArbiter(etcd.spec({}));
  assert.equal(await arbiter.latest("m"), undefined);
  const mine = register(1, "mine");
  assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
  using byName = openArbiter(etcd.spec({}).replace("127.0.0.1", "localhost"));
  assert.deepEqual(await byName.claim(register(1, "other")), { kind: "lost", holder: mine });
  await byName.probe("m");
});

Deno.test("an etcd whose authority is not trusted, or that does not trust ours, is out of reach and says which", async () => {
  await using etcd = await SecureEtcd.start();
  using other = new TestAuthority();
  using foreign = openArbiter(etcd.spec({ ca: other.cert }));
  await isOutOfReach(
    foreign,
    /its certificate is not of an authority that is trusted here: give c/,
  );
  using usual = openArbiter(`${etcd.server.spec}?cert=${etcd.client.cert}&key=${etcd.client.key}`);
  await isOutOfReach(usual, /is not of an authority that is trusted here: give cacert=FILE/);
  using unknown = openArbiter(etcd.spec({ own: other.issue("client") }));
  await isOutOfReach(unknown, /it does not take this side's certificate: give cert= and key=/);
  using nameless = openArbiter(`${etcd.server.spec}?cacert=${etcd.authority.cert}`);
  await isOutOfReach(nameless, /it does not take this side's certificate: give cert= and key=/);
  const late = etcd.authority.issue("late", { days: -1 });
  using expired = openArbiter(etcd.spec({ own: late }));
  await isOutOfReach(expired, /it does not take this side's certificate/);
  using plain = openArbiter(etcd.server.spec.replace("https", "http"));
  await isOutOfReach(plain, /it wants TLS: give its address with https|it hung up/);
  assert.deepEqual(await etcd.server.stored(), []);
});

Deno.test("an etcd whose certificate has another name than it is called by is out of reach and says so", async () => {
  const names = "IP:127.0.0.1,DNS:elsewhere";
  await using etcd = await SecureEtcd.start((authority) => authority.issue("server", { names }));
  using arbiter = openArbiter(etcd.spec({}).replace("127.0.0.1", "localhost"));
  await isOutOfReach(arbiter, /altnames.*call it by a name or an address that its certificate has/);
});

Deno.test("certificates that are renewed in place are taken up, and what is half written is not", async () => {
  await using etcd = await SecureEtcd.start();
  const { authority, client } = etcd;
  const renewed = authority.issue("renewed");
  const late = authority.issue("late", { days: -1 });
  const put = (from: Identity) => {
    Deno.copyFileSync(from.cert, client.cert);
    Deno.copyFileSync(from.key, client.key);
  };
  put(late);
  using arbiter = openArbiter(etcd.spec({}));
  await isOutOfReach(arbiter, /it does not take this side's certificate/);
  put(renewed);
  await arbiter.latest("m");
  Deno.writeTextFileSync(client.key, "half");
  await arbiter.latest("m");
  Deno.removeSync(client.cert);
  assert.equal((await arbiter.claim(register(1, "mine"))).kind, "won");
});

Deno.test("a certificate with another one's key, or a key that is encrypted, is refused before anything is asked", () => {
  using authority = new TestAuthority();
  const [first, second] = [authority.issue("first"), authority.issue("second")];
  const spec = (cert: string, key: string) => `etcd:https://127.0.0.1:1?cert=${cert}&key=${key}`;
  const refuses = (text: string, message: RegExp) =>
    assert.throws(
      () => openArbiter(text),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  refuses(spec(first.cert, second.key), /key=.* is not the key of the certificate cert=/);
  refuses(spec(first.key, first.key), /cert=.*: not a certificate/);
  refuses(spec(first.cert, first.cert), /key=.*: not a private key, expected one in PEM, not enc/);
  const locked = authority.lock(first);
  refuses(
    spec(first.cert, locked),
    /key=.*: not a private key, expected one in PEM, not encrypted/,
  );
});

Deno.test("an etcd that wants a password is asked with one; a token that has run out is renewed", async () => {
  // In seconds; it is looked at once a second.
  await using server = await EtcdServer.start({}, "--auth-token-ttl", "1");
  const spec = `${server.spec}?user=understudy:${encodeURIComponent(PASSWORD)}`;
  using early = openArbiter(spec);
  assert.equal(await early.latest("m"), undefined, "before it wants one");
  await server.wantPassword();
  using arbiter = openArbiter(spec);
  const mine = register(1, "mine");
  assert.equal((await arbiter.claim(mine)).kind, "won");
  assert.deepEqual(await early.latest("m"), mine);
  await new Promise((resolve) => setTimeout(resolve, 3500));
  await arbiter.probe("m");
  await new Promise((resolve) => setTimeout(resolve, 3500));
  assert.equal((await arbiter.claim(register(2, "mine"))).kind, "won");
  // It forgets its tokens.
  await server.kill();
  await server.restart();
  assert.equal((await arbiter.latest("m"))?.generation, 2);
  assert.equal((await early.claim(register(3, "mine"))).kind, "won");
});

Deno.test("an etcd that wants a certificate and a password takes a certificate without a common name", async () => {
  await using etcd = await SecureEtcd.start();
  const own = etcd.authority.issue("client", { subject: "/O=understudy" });
  const user = `&user=understudy:${encodeURIComponent(PASSWORD)}`;
  using early = openArbiter(`${etcd.spec({ own })}${user}`);
  assert.equal(await early.latest("m"), undefined, "before it wants one");
  await etcd.server.wantPassword();
  using named = openArbiter(`${etcd.spec({})}${user}`);
  await isOutOfReach(named, /CommonName .*; where it wants a password too, .* no common name/);
  using arbiter = openArbiter(`${etcd.spec({ own })}${user}`);
  assert.equal((await arbiter.claim(register(1, "mine"))).kind, "won");
  assert.equal((await early.latest("m"))?.nonce, "mine");
  using nobody = openArbiter(etcd.spec({ own }));
  await assert.rejects(nobody.latest("m"), /permission denied; give \?user=NAME/);
});

Deno.test("without a password, with a wrong one, or without the right to the keys, etcd is out of reach and says why", async () => {
  await using server = await EtcdServer.start();
  await server.wantPassword();
  using nobody = openArbiter(server.spec);
  await isOutOfReach(nobody, /user name is empty; it wants a password: give \?user=NAME/);
  using wrong = openArbiter(`${server.spec}?user=understudy:guess`);
  await isOutOfReach(wrong, /invalid user ID or password; give its user=NAME the right password/);
  using unknown = openArbiter(`${server.spec}?user=somebody:${encodeURIComponent(PASSWORD)}`);
  await isOutOfReach(unknown, /invalid user ID or password/);
  const elsewhere = `user=understudy:${encodeURIComponent(PASSWORD)}&prefix=elsewhere`;
  using outside = openArbiter(`${server.spec}?${elsewhere}`);
  await isOutOfReach(
    outside,
    /permission denied; give \?user=NAME, and that user a role with readwrite/,
  );
  await server.logIn();
  assert.deepEqual(await server.stored(), []);
});
