/**
 * The etcd arbiter with a real etcd: what every arbiter promises, and what etcd and the way to it may do.
 */
import assert from "node:assert/strict";
import {
  type Arbiter,
  type ClaimResult,
  formatRegister,
  type Register,
} from "../arbiter/arbiter.ts";
import { register, testContract } from "../arbiter/contract_test_support.ts";
import { openArbiter } from "../arbiter/open.ts";
import { UnavailableError } from "../base/errors.ts";
import { EtcdRelay, type Fate, FATES } from "./support/etcd_relay.ts";
import { EtcdServer } from "./support/etcd_server.ts";
import { chooseSeed, Random } from "./support/random.ts";

testContract("etcd", async () => {
  const server = await EtcdServer.start();
  return {
    spec: server.spec,
    plant: (machineId, generation, text) => server.put(keyOf(machineId, generation), text),
    stored: async () => (await server.stored()).map(({ key }) => key),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

function keyOf(machineId: string, generation: number, prefix = "/understudy"): string {
  return `${prefix}/${machineId}/${String(generation).padStart(16, "0")}`;
}

/** Asserts that nothing is decided, or can be learnt. */
async function isOutOfReach(arbiter: Arbiter, mine: Register, why: RegExp): Promise<void> {
  const expected = (error: Error) => error instanceof UnavailableError && why.test(error.message);
  const [result] = await Promise.all([
    arbiter.claim(mine),
    ...[arbiter.read("m", 1), arbiter.latest("m"), arbiter.probe("m")].map((reading) =>
      assert.rejects(reading, expected)
    ),
  ]);
  assert.ok(result.kind === "unreachable" && why.test(result.why), JSON.stringify(result));
}

type Decided = Exclude<ClaimResult, { kind: "unreachable" }>;

/** Claims until it is known who has won. */
async function decided(arbiter: Arbiter, mine: Register): Promise<Decided> {
  for (;;) {
    const result = await arbiter.claim(mine);
    if (result.kind !== "unreachable") return result;
  }
}

Deno.test("a register is one key of etcd, under the prefix that is asked for", async () => {
  await using server = await EtcdServer.start();
  const first = register(1, "x", { who: "Zoë" });
  using arbiter = openArbiter(server.spec);
  using other = openArbiter(`${server.spec}?prefix=site-b`);
  await arbiter.claim(first);
  assert.equal(await other.latest("m"), undefined);
  const second = register(1, "y");
  assert.equal((await other.claim(second)).kind, "won");
  assert.deepEqual(await arbiter.latest("m"), first);
  const stored = await server.stored();
  assert.deepEqual(stored.map(({ key }) => key), [keyOf("m", 1), keyOf("m", 1, "site-b")]);
  assert.equal(stored[1]!.value, formatRegister(second));
});

for (const fate of ["answer lost", "answer cut", "answer kept"] satisfies Fate[]) {
  Deno.test(`a claim that was carried out is won though its ${fate.replace(" ", " is ")}`, async () => {
    await using server = await EtcdServer.start();
    await using relay = new EtcdRelay(server.address);
    using arbiter = openArbiter(relay.spec);
    const mine = register(1, "mine");
    relay.fates.push(fate);
    assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
    relay.fates.push(fate);
    const other = await arbiter.claim(register(1, "other"));
    assert.deepEqual(other, { kind: "lost", holder: mine });
  });

  Deno.test(`a claim that was carried out is won when it is made again, if every ${fate.replace(" ", " was ")}`, async () => {
    await using server = await EtcdServer.start();
    await using relay = new EtcdRelay(server.address);
    using arbiter = openArbiter(relay.spec);
    const mine = register(1, "mine");
    relay.fates.push(fate, fate);
    assert.equal((await arbiter.claim(mine)).kind, "unreachable");
    assert.equal((await server.stored()).length, 1);
    assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
  });
}

Deno.test("a claim that did not get through has claimed nothing", async () => {
  await using server = await EtcdServer.start();
  await using relay = new EtcdRelay(server.address);
  using arbiter = openArbiter(relay.spec);
  relay.fates.push("request lost");
  assert.equal((await arbiter.claim(register(1, "mine"))).kind, "unreachable");
  assert.deepEqual(await server.stored(), []);
  assert.equal((await arbiter.claim(register(1, "other"))).kind, "won");
  assert.equal((await arbiter.claim(register(1, "mine"))).kind, "lost");
});

Deno.test("a claim that comes through late is the claimer's, if nobody else was first", async () => {
  for (const isFirst of [true, false]) {
    await using server = await EtcdServer.start();
    await using relay = new EtcdRelay(server.address);
    using arbiter = openArbiter(relay.spec);
    using other = openArbiter(server.spec);
    const mine = register(1, "mine");
    relay.fates.push("request late");
    assert.equal((await arbiter.claim(mine)).kind, "unreachable");
    if (!isFirst) assert.equal((await other.claim(register(1, "other"))).kind, "won");
    await relay.letGo();
    if (isFirst) {
      const result = await other.claim(register(1, "other"));
      assert.deepEqual(result, { kind: "lost", holder: mine });
    }
    assert.equal((await arbiter.claim(mine)).kind, isFirst ? "won" : "lost");
  }
});

Deno.test("whatever becomes of requests and answers, claimers that ask until they know agree on one winner", async () => {
  const random = new Random(chooseSeed("etcd_arbiter_test"));
  // Those that take a timeout to find out are tested above.
  const fates = FATES.filter((fate) => fate !== "request late" && fate !== "answer kept");
  await using server = await EtcdServer.start();
  for (let generation = 1; generation <= 20; generation++) {
    const results = await Promise.all(Array.from({ length: 5 }, async (_, claimer) => {
      await using relay = new EtcdRelay(server.address);
      for (let i = random.below(8); i > 0; i--) {
        relay.fates.push(fates[random.below(fates.length)]!);
      }
      using arbiter = openArbiter(relay.spec);
      const mine = register(generation, `claimer ${claimer}`);
      const result = await decided(arbiter, mine);
      if (result.kind === "won") return { won: true, nonce: result.register.nonce };
      return { won: false, nonce: result.holder.nonce };
    }));
    assert.equal(results.filter(({ won }) => won).length, 1, JSON.stringify(results));
    assert.equal(new Set(results.map(({ nonce }) => nonce)).size, 1, JSON.stringify(results));
  }
});

Deno.test("an etcd that was killed is out of reach, and has its registers when it is back", async () => {
  await using server = await EtcdServer.start();
  using arbiter = openArbiter(server.spec);
  const first = register(1, "mine");
  await arbiter.claim(first);
  await server.kill();
  const next = register(2, "mine");
  await isOutOfReach(arbiter, next, /ECONNREFUSED.*; start etcd there/);
  await server.restart();
  assert.deepEqual(await arbiter.latest("m"), first);
  await arbiter.probe("m");
  assert.equal((await arbiter.claim(next)).kind, "won");
});

Deno.test("an etcd that hangs is out of reach, and when it goes on one of those who asked has won", async () => {
  await using server = await EtcdServer.start();
  using arbiter = openArbiter(server.spec);
  using other = openArbiter(server.spec);
  await arbiter.claim(register(1, "mine"));
  await server.pause();
  const next = register(2, "mine");
  await isOutOfReach(arbiter, next, /no answer within 1500 ms; it is cut off, hangs or has no/);
  server.resume();
  const results = await Promise.all([decided(other, register(2, "other")), decided(arbiter, next)]);
  assert.deepEqual(results.map(({ kind }) => kind).sort(), ["lost", "won"]);
});

Deno.test("an etcd that has lost its data, or another one, is not the arbiter of a machine that reigns", async () => {
  await using first = await EtcdServer.start();
  await using second = await EtcdServer.start();
  using arbiter = openArbiter(first.spec);
  using other = openArbiter(second.spec);
  await arbiter.claim(register(1, "mine"));
  const result = await other.claim(register(2, "mine"));
  assert.ok(result.kind === "unreachable");
  assert.match(result.why, /m\/0{15}1 is not there.*or it has lost its data/);
  await assert.rejects(other.probe("m"), /knows no machine m/);
  assert.deepEqual(await second.stored(), []);
});

Deno.test("a member without a quorum is out of reach for claims, readings and probes", async () => {
  const [first, second] = await EtcdServer.startCluster(2);
  await using _first = first!;
  await using other = second!;
  using arbiter = openArbiter(first!.spec);
  await arbiter.claim(register(1, "mine"));
  await arbiter.probe("m");
  await other.kill();
  const next = register(2, "mine");
  await isOutOfReach(arbiter, next, /no answer within|it has no quorum/);
  await other.restart();
  assert.equal((await decided(arbiter, next)).kind, "won");
  await arbiter.probe("m");
});

Deno.test("an etcd without room for another register can be read; a probe finds that it can't be claimed at", async () => {
  await using server = await EtcdServer.start();
  using arbiter = openArbiter(server.spec);
  const first = register(1, "mine");
  await arbiter.claim(first);
  await server.kill();
  // Less than it has.
  await server.restart("--quota-backend-bytes", "1000");
  assert.deepEqual(await arbiter.latest("m"), first);
  const full = /database space exceeded; its storage is full: compact/;
  await assert.rejects(arbiter.probe("m"), full);
  const result = await arbiter.claim(register(2, "mine"));
  assert.ok(result.kind === "unreachable" && full.test(result.why), JSON.stringify(result));
});

Deno.test("an etcd whose JSON gateway is off says so", async () => {
  await using server = await EtcdServer.start({}, "--enable-grpc-gateway=false");
  using arbiter = openArbiter(server.spec);
  await isOutOfReach(arbiter, register(1, "mine"), /HTTP 404: .*--enable-grpc-gateway is off/);
});
