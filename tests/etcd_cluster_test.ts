/**
 * The etcd arbiter with several endpoints: real clusters of which members die or hang, and endpoints that are
 * none.
 */
import assert from "node:assert/strict";
import type { Arbiter, ClaimResult, Register } from "../arbiter/arbiter.ts";
import { register } from "../arbiter/contract_test_support.ts";
import { openArbiter } from "../arbiter/open.ts";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { EtcdRelay, type Fate, FATES } from "./support/etcd_relay.ts";
import { EtcdServer } from "./support/etcd_server.ts";
import { chooseSeed, Random } from "./support/random.ts";

/** As `--arbiter` names these endpoints, in this order. */
function specOf(endpoints: readonly { readonly spec: string }[]): string {
  return `etcd:${endpoints.map(({ spec }) => spec.replace("etcd:", "")).join(",")}`;
}

type Decided = Exclude<ClaimResult, { kind: "unreachable" }>;

/** Claims until it is known who has won. */
async function decided(arbiter: Arbiter, mine: Register): Promise<Decided> {
  for (;;) {
    const result = await arbiter.claim(mine);
    if (result.kind !== "unreachable") return result;
  }
}

/** The latest generation, once there is an answer. */
async function latestOf(arbiter: Arbiter): Promise<number | undefined> {
  for (;;) {
    try {
      return (await arbiter.latest("m"))?.generation;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}

async function isOutOfReach(arbiter: Arbiter, mine: Register, why: RegExp): Promise<void> {
  const expected = (error: Error) => error instanceof UnavailableError && why.test(error.message);
  const [result] = await Promise.all([
    arbiter.claim(mine),
    assert.rejects(arbiter.latest("m"), expected),
  ]);
  assert.ok(result.kind === "unreachable" && why.test(result.why), JSON.stringify(result));
}

/** Three members, gone at the end. */
class Cluster implements AsyncDisposable {
  private constructor(readonly members: readonly EtcdServer[]) {}

  static async start(): Promise<Cluster> {
    return new Cluster(await EtcdServer.startCluster(3));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
  }
}

/** Something that takes connections, and what it does with them. */
class Endpoint implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.Conn[] = [];
  readonly #serving: Promise<void>;

  /** @param answer what it says; undefined: nothing at all */
  constructor(answer?: string) {
    this.#serving = this.#serve(answer);
  }

  readonly spec = `etcd:http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#serving;
  }

  async #serve(answer: string | undefined): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.push(connection);
      if (answer === undefined) continue;
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head + answer));
    }
  }
}

Deno.test("with one member of three dead the others answer; without a quorum nobody does; with it again they do", async () => {
  await using cluster = await Cluster.start();
  const [first, second, third] = cluster.members;
  using arbiter = openArbiter(specOf(cluster.members));
  await arbiter.claim(register(1, "mine"));
  await first!.kill();
  assert.equal(await latestOf(arbiter), 1);
  assert.equal((await decided(arbiter, register(2, "mine"))).kind, "won");
  await arbiter.probe("m");
  await second!.kill();
  const next = register(3, "mine");
  await isOutOfReach(arbiter, next, /(ECONNREFUSED.*; start etcd there.*){2}/);
  await Promise.all([first!.restart(), second!.restart()]);
  // The member that was left may have kept the claim, and had it decided since.
  assert.ok([2, 3].includes((await latestOf(arbiter))!));
  assert.equal((await decided(arbiter, next)).kind, "won");
  await third!.kill();
  using other = openArbiter(specOf(cluster.members));
  const lost = await decided(other, register(3, "other"));
  assert.deepEqual(lost, { kind: "lost", holder: next });
});

Deno.test("with one member of three hanging, whichever it is, the others decide", async () => {
  await using cluster = await Cluster.start();
  const spec = specOf(cluster.members);
  let generation = 0;
  for (const member of cluster.members) {
    using before = openArbiter(spec);
    await decided(before, register(++generation, "before"));
    await member.pause();
    using arbiter = openArbiter(spec);
    assert.equal(await latestOf(arbiter), generation);
    const results = await Promise.all([
      decided(before, register(++generation, "one")),
      decided(arbiter, register(generation, "two")),
    ]);
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ["lost", "won"]);
    member.resume();
  }
});

for (
  const [what, answer] of [
    ["never answers", undefined],
    ["is a web server", "<html>"],
    ["says what makes no sense", "{}"],
  ] as const
) {
  Deno.test(`an endpoint that ${what} does not keep the one beside it from deciding`, async () => {
    await using server = await EtcdServer.start();
    await using bad = new Endpoint(answer);
    for (const order of [[bad, server], [server, bad]]) {
      using arbiter = openArbiter(specOf(order));
      const generation = order[0] === bad ? 1 : 2;
      const mine = register(generation, "mine");
      assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
      assert.deepEqual(await arbiter.read("m", generation), mine);
      await arbiter.probe("m");
    }
    await server.kill();
    using arbiter = openArbiter(specOf([bad, server]));
    await isOutOfReach(arbiter, register(3, "mine"), /127\.0\.0\.1:\d+: connect ECONNREFUSED/);
  });
}

Deno.test("endpoints that are none of them etcd's are not believed", async () => {
  await using first = new Endpoint("<html>");
  await using second = new Endpoint("{}");
  using arbiter = openArbiter(specOf([first, second]));
  const expected = (error: Error) =>
    error instanceof PeerError &&
    /:\d+: .*not JSON.*; .*:\d+: .*header is missing/.test(error.message);
  await assert.rejects(arbiter.latest("m"), expected);
  await assert.rejects(arbiter.claim(register(1, "mine")), expected);
});

Deno.test("an endpoint of another cluster is not believed by who knows the right one", async () => {
  await using right = await EtcdServer.start();
  await using wrong = await EtcdServer.start();
  using arbiter = openArbiter(specOf([right, wrong]));
  await arbiter.claim(register(1, "mine"));
  await right.kill();
  await isOutOfReach(arbiter, register(2, "mine"), /it is of cluster \d+, .* of one cluster/);
  assert.deepEqual(await wrong.stored(), []);
});

for (const fate of ["answer lost", "answer cut", "answer kept"] satisfies Fate[]) {
  Deno.test(`a claim that was carried out at one endpoint is won at the next, though its ${fate.replace(" ", " is ")}`, async () => {
    await using server = await EtcdServer.start();
    await using first = new EtcdRelay(server.address);
    await using second = new EtcdRelay(server.address);
    using arbiter = openArbiter(specOf([first, second]));
    const mine = register(1, "mine");
    first.fates.push(fate);
    assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
    using other = openArbiter(specOf([first, second]));
    first.fates.push(fate);
    const lost = await other.claim(register(1, "other"));
    assert.deepEqual(lost, { kind: "lost", holder: mine });
    assert.equal((await server.stored()).length, 1);
  });
}

Deno.test("whatever becomes of requests and answers at either endpoint, claimers agree on one winner", async () => {
  const random = new Random(chooseSeed("etcd_cluster_test"));
  // One that takes its share of a timeout to find out is tested above.
  const fates = FATES.filter((fate) => fate !== "request late" && fate !== "answer kept");
  await using server = await EtcdServer.start();
  for (let generation = 1; generation <= 15; generation++) {
    const results = await Promise.all(Array.from({ length: 5 }, async (_, claimer) => {
      await using first = new EtcdRelay(server.address);
      await using second = new EtcdRelay(server.address);
      for (const { fates: coming } of [first, second]) {
        for (let i = random.below(6); i > 0; i--) coming.push(fates[random.below(fates.length)]!);
      }
      using arbiter = openArbiter(specOf([first, second]));
      const result = await decided(arbiter, register(generation, `claimer ${claimer}`));
      if (result.kind === "won") return { won: true, nonce: result.register.nonce };
      return { won: false, nonce: result.holder.nonce };
    }));
    assert.equal(results.filter(({ won }) => won).length, 1, JSON.stringify(results));
    assert.equal(new Set(results.map(({ nonce }) => nonce)).size, 1, JSON.stringify(results));
  }
});
