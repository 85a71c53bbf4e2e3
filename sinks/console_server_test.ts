import assert from "node:assert/strict";
import fc from "fast-check";
import { consoleAckMs, consoleInputBytes, consoleTailBytes } from "../base/limits.ts";
import { parseAddress } from "../link/address.ts";
import { EndReason, maxStreamBytes } from "./console_protocol.ts";
import { ConsoleSink } from "./console_server.ts";
import { FakeTime, RawClient, stream } from "./console_test_support.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

interface Server extends AsyncDisposable {
  readonly sink: ConsoleSink;
  readonly time: FakeTime;
  readonly notices: string[];
  readonly address: string;
}

/** A server, live unless told otherwise. */
async function serve(live = true): Promise<Server> {
  const time = new FakeTime();
  const notices: string[] = [];
  const sink = new ConsoleSink("console:", "127.0.0.1:0", {
    machineId: "m",
    notice: (text) => notices.push(text),
    setTimer: time.setTimer,
  });
  if (live) await sink.goLive(0, 0, 1);
  const { address } = sink;
  return {
    sink,
    time,
    notices,
    address,
    async [Symbol.asyncDispose]() {
      const closed = sink.close();
      time.advance(10_000);
      await closed;
      assert.ok(time.idle, "a timer was left");
    },
  };
}

const isPending = (promise: Promise<unknown>) =>
  Promise.race([
    promise.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 20)),
  ]);

Deno.test("without a client output is performed at once, and its last 64 KiB are kept", async () => {
  await using server = await serve();
  await server.sink.perform(0, stream(0, 200_000));
  using attached = await RawClient.attach(server.address);
  const { client, hello } = attached;
  const from = 200_000 - consoleTailBytes;
  const expected = { inputNext: 0, outputNext: from, generation: 1, machineId: "m" };
  assert.deepEqual(hello, { type: "serverHello", ...expected });
  assert.equal((await client.next("inputAck")).offset, 0);
  let at = from;
  while (at < 200_000) {
    const { offset, bytes } = await client.next("output");
    assert.equal(offset, at);
    assert.deepEqual(bytes, stream(at, at + bytes.length));
    at += bytes.length;
  }
});

Deno.test("a side that waits to learn who goes on lets its client look elsewhere, and has it back once it is live", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address);
  await attached.client.next("inputAck");
  server.sink.suspend();
  assert.equal((await attached.client.next("end")).reason, EndReason.closing);
  await assert.rejects(server.sink.perform(0, stream(0, 10)), /not live/);
  using waiting = await RawClient.connect(server.address, {});
  await waiting.next("notLive");
  await server.sink.goLive(0, 0, 2);
  const { generation } = await waiting.next("serverHello");
  assert.equal(generation, 2);
  await waiting.next("inputAck");
  const performed = server.sink.perform(0, stream(0, 10));
  assert.equal((await waiting.next("output")).bytes.length, 10);
  waiting.send({ type: "outputAck", offset: 10 });
  await performed;
});

Deno.test("with a client output is performed when it has acknowledged", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address, { wantsInput: false });
  const { client } = attached;
  const length = maxStreamBytes + 10;
  const performed = server.sink.perform(0, stream(0, length));
  assert.equal((await client.next("output")).bytes.length, maxStreamBytes);
  client.send({ type: "outputAck", offset: maxStreamBytes });
  assert.equal((await client.next("output")).offset, maxStreamBytes);
  client.send({ type: "outputAck", offset: length - 1 });
  assert.ok(await isPending(performed));
  client.send({ type: "outputAck", offset: length });
  await performed;
});

Deno.test("a client that goes away holds nothing up, and comes back to where it was", async () => {
  await using server = await serve();
  {
    using attached = await RawClient.attach(server.address, { wantsInput: false });
    const performed = server.sink.perform(0, stream(0, 100));
    await attached.client.next("output");
    attached.client.link.close();
    await performed;
  }
  await server.sink.perform(100, stream(100, 200));
  using attached = await RawClient.attach(server.address, { have: 60, wantsInput: false });
  const { offset, bytes } = await attached.client.next("output");
  assert.equal(offset, 60);
  assert.deepEqual(bytes, stream(60, 200));
});

Deno.test("a client that has too little for what is kept is told the gap", async () => {
  await using server = await serve();
  await server.sink.perform(0, stream(0, 100_000));
  using attached = await RawClient.attach(server.address, { have: 10, wantsInput: false });
  const from = 100_000 - consoleTailBytes;
  assert.deepEqual(await attached.client.next("gap"), { type: "gap", from: 10, to: from });
  assert.equal((await attached.client.next("output")).offset, from);
});

Deno.test("output that a client has seen already is not sent to it again", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address, { have: 50, wantsInput: false });
  await server.sink.perform(0, stream(0, 40));
  const performed = server.sink.perform(40, stream(40, 60));
  const { offset, bytes } = await attached.client.next("output");
  assert.deepEqual([offset, bytes], [50, stream(50, 60)]);
  attached.client.send({ type: "outputAck", offset: 60 });
  await performed;
});

Deno.test("a client that does not acknowledge in time is dropped and told why, even if it trickles", async () => {
  for (const trickles of [false, true]) {
    await using server = await serve();
    using attached = await RawClient.attach(server.address, { wantsInput: false });
    const { client } = attached;
    const performed = server.sink.perform(0, stream(0, 1000));
    await client.next("output");
    for (let passed = 0; passed <= consoleAckMs; passed += 500) {
      server.time.advance(500);
      if (passed === consoleAckMs) break;
      await client.next("ping");
      if (trickles) client.send({ type: "outputAck", offset: passed / 10 });
    }
    await performed;
    assert.equal((await client.next("end")).reason, EndReason.late);
    assert.match(server.notices.join(), /dropped: no acknowledgement for 5000 ms/);
    await server.sink.perform(1000, stream(1000, 1010));
  }
});

Deno.test("an idle client that does not answer pings is dropped", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address);
  server.time.advance(consoleAckMs + 500);
  assert.equal(server.sink.attached, false);
  await attached.client.next("inputAck");
  assert.equal((await attached.client.next("end")).reason, EndReason.late);
});

Deno.test("a second client is told busy; the same one takes its own place", async () => {
  await using server = await serve();
  using first = await RawClient.attach(server.address, { client: 1n });
  using second = await RawClient.connect(server.address, { client: 2n } as never);
  assert.equal((await second.next("end")).reason, EndReason.busy);
  await server.sink.perform(0, new Uint8Array(0));
  using again = await RawClient.attach(server.address, { client: 1n });
  await first.client.next("inputAck");
  assert.equal((await first.client.next("end")).reason, EndReason.closing);
  assert.equal(again.hello.generation, 1);
  assert.ok(server.sink.attached);
});

Deno.test("a backup says that it is not live, keeps what is done, and goes on from it when it goes live", async () => {
  await using server = await serve(false);
  using early = await RawClient.connect(server.address, {});
  await early.next("notLive");
  await server.sink.done(0, stream(0, 100));
  await server.sink.goLive(100, 7, 2);
  await server.sink.perform(100, stream(100, 150));
  using attached = await RawClient.attach(server.address, { have: 80 });
  assert.deepEqual([attached.hello.generation, attached.hello.inputNext], [2, 7]);
  assert.equal((await attached.client.next("inputAck")).offset, 7);
  const { offset, bytes } = await attached.client.next("output");
  assert.deepEqual([offset, bytes], [80, stream(80, 150)]);
});

Deno.test("a backup that joined late has a gap for what it was never told", async () => {
  await using server = await serve(false);
  await server.sink.done(0, stream(0, 10));
  await server.sink.goLive(100, 0, 2);
  using attached = await RawClient.attach(server.address, { have: 10, wantsInput: false });
  assert.deepEqual(await attached.client.next("gap"), { type: "gap", from: 10, to: 100 });
});

Deno.test("input is taken once, in order, and what is committed is told", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address);
  const { client } = attached;
  await client.next("inputAck");
  client.send({ type: "input", offset: 0, bytes: stream(0, 10) });
  assert.deepEqual(await server.sink.readInput(), stream(0, 10));
  client.send({ type: "input", offset: 4, bytes: stream(4, 8) });
  client.send({ type: "input", offset: 6, bytes: stream(6, 15) });
  assert.deepEqual(await server.sink.readInput(), stream(10, 15));
  server.sink.inputCommitted(12);
  assert.equal((await client.next("inputAck")).offset, 12);
});

Deno.test("a client that breaks the protocol is told so and let go, and the machine goes on", async () => {
  const wrong: [string, (client: RawClient) => void, RegExp][] = [
    ["a hole in the input", (client) => {
      client.send({ type: "input", offset: 1, bytes: stream(0, 1) });
    }, /input at 1, expected 0/],
    ["input beyond the window", (client) => {
      client.send({ type: "input", offset: 0, bytes: stream(0, maxStreamBytes) });
      client.send({ type: "input", offset: maxStreamBytes, bytes: stream(0, 100) });
    }, new RegExp(`window ends at ${consoleInputBytes}`)],
    ["an acknowledgement of what was not sent", (client) => {
      client.send({ type: "outputAck", offset: 1 });
    }, /acknowledged to 1 of 0/],
    ["a second HELLO", (client) => {
      client.send({ type: "clientHello", client: 1n, have: 0, wantsInput: true });
    }, /out of place/],
    ["a server's message", (client) => client.send({ type: "ping" }), /type 8 from a client/],
  ];
  for (const [name, action, message] of wrong) {
    await using server = await serve();
    using attached = await RawClient.attach(server.address);
    action(attached.client);
    await attached.client.next("inputAck");
    const end = await attached.client.next("end");
    assert.equal(end.reason, EndReason.malformed, name);
    assert.match(end.why, message);
    assert.match(server.notices.join(), message);
    await server.sink.perform(0, stream(0, 10));
    using good = await RawClient.attach(server.address);
    assert.equal(good.hello.inputNext, name === "input beyond the window" ? maxStreamBytes : 0);
  }
});

Deno.test("input of a client that did not ask for it is refused", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address, { wantsInput: false });
  attached.client.send({ type: "input", offset: 0, bytes: stream(0, 1) });
  assert.equal((await attached.client.next("end")).reason, EndReason.malformed);
});

Deno.test("random bytes, truncated messages and silence close their connection only", async () => {
  await using server = await serve();
  const property = fc.asyncProperty(
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    async (bytes) => {
      const connection = await Deno.connect(parseAddress(server.address));
      await connection.write(bytes);
      await connection.closeWrite();
      const buffer = new Uint8Array(1024);
      try {
        while (await connection.read(buffer) !== null);
      } catch {
        // A reset is an answer, too.
      }
      connection.close();
    },
  );
  await fc.assert(property, { seed, numRuns: 100 });
  const silent = await Deno.connect(parseAddress(server.address));
  using attached = await RawClient.attach(server.address);
  server.time.advance(2500);
  assert.equal(await silent.read(new Uint8Array(1)), null);
  silent.close();
  assert.equal(attached.hello.machineId, "m");
  assert.ok(server.sink.attached);
});

Deno.test("at the guest's end the client has all output, then hears the exit code", async () => {
  await using server = await serve();
  using attached = await RawClient.attach(server.address);
  const { client } = attached;
  await client.next("inputAck");
  const performed = server.sink.perform(0, stream(0, 10));
  await client.next("output");
  client.send({ type: "outputAck", offset: 10 });
  await performed;
  const ended = server.sink.end(3, "the guest exited");
  const end = await client.next("end");
  assert.deepEqual([end.reason, end.exitCode, end.why], [0, 3, "the guest exited"]);
  client.link.close();
  await ended;
  assert.equal(await server.sink.readInput(), undefined);
  using late = await RawClient.attach(server.address);
  await late.client.next("inputAck");
  assert.equal((await late.client.next("output")).bytes.length, 10);
  late.client.send({ type: "outputAck", offset: 10 });
  assert.equal((await late.client.next("end")).exitCode, 3);
});
