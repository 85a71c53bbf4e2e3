import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError, UnavailableError, UsageError } from "../base/errors.ts";
import { consoleInputBytes, consoleSilenceMs } from "../base/limits.ts";
import { parseAddress } from "../link/address.ts";
import type { FrameLink } from "../link/link.ts";
import { listenTcp } from "../link/tcp.ts";
import { ConsoleClient, type ConsoleClientOptions } from "./console_client.ts";
import { consoleFraming, encodeMessage, EndReason, type Message } from "./console_protocol.ts";
import { ConsoleSink } from "./console_server.ts";
import { FakeTime, stream } from "./console_test_support.ts";
import { KeptInput } from "./kept_input.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

const serve = (machineId = "m") => new ConsoleSink("console:", "127.0.0.1:0", { machineId });

/** Lets a client run: collects what it gives until it ends. */
class Watcher {
  readonly notices: string[] = [];
  readonly client: ConsoleClient;
  readonly done: Promise<void>;
  bytes: number[] = [];
  #grown = Promise.withResolvers<void>();

  constructor(addresses: string, options: ConsoleClientOptions = {}) {
    const notice = (text: string) => this.notices.push(text);
    this.client = new ConsoleClient(addresses, { notice, ...options });
    this.done = this.#run();
    this.done.catch(() => {});
  }

  async #run(): Promise<void> {
    for await (const { offset, bytes } of this.client.outputs()) {
      assert.equal(offset, (this.client.lostBytes || 0) + this.bytes.length);
      this.bytes.push(...bytes);
      this.#grown.resolve();
      this.#grown = Promise.withResolvers();
    }
  }

  /** Waits until so many bytes have been given. */
  async until(count: number): Promise<void> {
    while (this.bytes.length < count) await Promise.race([this.#grown.promise, this.done]);
  }
}

Deno.test("a client sees everything once, over a takeover at any point, and hears the guest's end", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 2, maxLength: 12 }),
    fc.nat(),
    fc.nat(2),
    async (lengths, cutSeed, unnoticed) => {
      const primary = serve();
      const backup = serve();
      await primary.goLive(0, 0, 1);
      const watcher = new Watcher(`${primary.address},${backup.address}`);
      const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b));
      const from = (i: number) => ends[i]! - lengths[i]!;
      const cut = cutSeed % lengths.length;
      for (let i = 0; i < cut; i++) {
        await primary.perform(from(i), stream(from(i), ends[i]!));
        // The notices of the last few outputs did not make it.
        if (i < cut - unnoticed) await backup.done(from(i), stream(from(i), ends[i]!));
      }
      await primary.close();
      const first = Math.max(0, cut - unnoticed);
      await backup.goLive(from(first), 0, 2);
      for (let i = first; i < lengths.length; i++) {
        await backup.perform(from(i), stream(from(i), ends[i]!));
      }
      await watcher.until(ends.at(-1)!);
      await backup.end(5, "exited");
      await watcher.done;
      await backup.close();
      assert.deepEqual(new Uint8Array(watcher.bytes), stream(0, ends.at(-1)!));
      assert.deepEqual(watcher.client.ended, { exitCode: 5, why: "exited" });
      assert.equal(watcher.client.duplicateBytes, 0);
      assert.equal(watcher.client.lostBytes, 0);
      assert.equal(watcher.client.generation, 2);
    },
  );
  await fc.assert(property, { seed, numRuns: 12 });
});

Deno.test("input survives a takeover: the log has every byte once", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 20 }),
    fc.nat(60_000),
    fc.nat(5000),
    async (lengths, cut, uncommitted) => {
      const total = lengths.reduce((a, b) => a + b);
      const primary = serve();
      const backup = serve();
      await primary.goLive(0, 0, 1);
      const addresses = `${primary.address},${backup.address}`;
      const watcher = new Watcher(addresses, { input: true });
      const typing = (async () => {
        let at = 0;
        for (const length of lengths) await watcher.client.write(stream(at, at += length));
      })();
      const log: number[] = [];
      let committed = 0;
      while (log.length < Math.min(cut, total)) {
        log.push(...await primary.readInput() ?? []);
        committed = Math.max(committed, log.length - uncommitted);
        primary.inputCommitted(committed);
      }
      await primary.close();
      log.length = committed;
      await backup.goLive(0, committed, 2);
      while (log.length < total) {
        log.push(...await backup.readInput() ?? []);
        backup.inputCommitted(log.length);
      }
      await typing;
      assert.deepEqual(new Uint8Array(log), stream(0, total));
      watcher.client.close();
      await watcher.done;
      await backup.close();
    },
  );
  await fc.assert(property, { seed, numRuns: 12 });
});

Deno.test("a client that reads slowly, and one that comes later, miss nothing of what is kept", async () => {
  const server = serve();
  await server.goLive(0, 0, 1);
  await server.perform(0, stream(0, 1000));
  const first = new Watcher(server.address);
  await first.until(1000);
  first.client.close();
  await first.done;
  await server.perform(1000, stream(1000, 2000));
  const second = new Watcher(server.address, { have: 0 });
  await second.until(2000);
  assert.deepEqual(new Uint8Array(second.bytes), stream(0, 2000));
  second.client.close();
  await second.done;
  await server.close();
});

Deno.test("output that nobody kept is told as lost", async () => {
  const server = serve();
  await server.goLive(0, 0, 1);
  await server.perform(0, new Uint8Array(100_000));
  const watcher = new Watcher(server.address, { have: 0 });
  await watcher.until(64 << 10);
  assert.equal(watcher.client.lostBytes, 100_000 - (64 << 10));
  assert.match(watcher.notices.join(), /output from 0 to 34464 is gone/);
  watcher.client.close();
  await watcher.done;
  await server.close();
});

Deno.test("a second client is told that the console is busy", async () => {
  const server = serve();
  await server.goLive(0, 0, 1);
  await server.perform(0, stream(0, 1));
  const first = new Watcher(server.address);
  await first.until(1);
  await assert.rejects(
    new Watcher(server.address).done,
    (error: Error) => error instanceof UnavailableError && /another console/.test(error.message),
  );
  first.client.close();
  await first.done;
  await server.close();
});

Deno.test("a client gives up after its attempts, and may be closed at any time before", async () => {
  const notLive = serve();
  const watcher = new Watcher(notLive.address, { attempts: 3 });
  await assert.rejects(watcher.done, /no live console at 127\.0\.0\.1:\d+ after 3 attempts/);
  const endless = new Watcher(notLive.address);
  await Promise.resolve();
  endless.client.close();
  await endless.done;
  await notLive.close();
  assert.throws(() => new ConsoleClient("nowhere"), UsageError);
});

Deno.test("a client may be closed while a server that it reached does not answer", async () => {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), consoleFraming);
  const time = new FakeTime();
  const watcher = new Watcher(listener.address, { setTimer: time.setTimer });
  using link = (await listener.accept())!;
  await link.receive();
  watcher.client.close();
  await watcher.done;
  assert.equal(watcher.client.connections, 0);
  assert.ok(time.idle);
});

Deno.test("a client does not mix up two machines", async () => {
  const [one, other] = [serve("one"), serve("other")];
  await one.goLive(0, 0, 1);
  await one.perform(0, stream(0, 1));
  await other.goLive(0, 0, 1);
  const watcher = new Watcher(`${one.address},${other.address}`);
  await watcher.until(1);
  await one.close();
  await assert.rejects(
    watcher.done,
    (error: Error) => error instanceof UsageError && /machine other, not one/.test(error.message),
  );
  await other.close();
});

Deno.test("a client passes over a server of a past generation", async () => {
  const [past, present] = [serve(), serve()];
  await past.goLive(0, 0, 1);
  await present.goLive(0, 0, 2);
  await present.perform(0, stream(0, 1));
  const watcher = new Watcher(`${present.address},${past.address}`);
  await watcher.until(1);
  await present.close();
  const again = new ConsoleSink("console:", present.address, { machineId: "m" });
  await again.goLive(1, 0, 3);
  await again.perform(1, stream(1, 2));
  await watcher.until(2);
  assert.equal(watcher.client.generation, 3);
  assert.equal(past.attached, false);
  watcher.client.close();
  await watcher.done;
  await past.close();
  await again.close();
});

Deno.test("a server that falls silent without closing is left for another one", async () => {
  const [serverTime, clientTime] = [new FakeTime(), new FakeTime()];
  const setTimer = serverTime.setTimer;
  const silent = new ConsoleSink("console:", "127.0.0.1:0", { machineId: "m", setTimer });
  const other = serve();
  await silent.goLive(0, 0, 1);
  await silent.perform(0, stream(0, 1));
  const addresses = `${silent.address},${other.address}`;
  const watcher = new Watcher(addresses, { setTimer: clientTime.setTimer });
  await watcher.until(1);
  await other.goLive(1, 0, 2);
  await other.perform(1, stream(1, 2));
  while (watcher.bytes.length < 2) {
    clientTime.advance(consoleSilenceMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.match(watcher.notices.join(), /was silent for 2000 ms/);
  assert.equal(watcher.client.generation, 2);
  watcher.client.close();
  await watcher.done;
  const closed = silent.close();
  serverTime.advance(consoleSilenceMs);
  await closed;
  await other.close();
});

/** A server without manners: says these messages to the first who comes, others it turns away. */
async function misbehave(messages: Message[]): Promise<Watcher> {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), consoleFraming);
  const watcher = new Watcher(listener.address, { attempts: 2 });
  const links: FrameLink[] = [];
  const link = await listener.accept();
  assert.ok(link);
  links.push(link);
  await link.receive();
  for (const message of messages) void link.send(encodeMessage(message));
  listener.close();
  await watcher.done.catch(() => {});
  link.close();
  return watcher;
}

Deno.test("duplicates are counted and not given out; what breaks the protocol ends the connection", async () => {
  const hello: Message = {
    type: "serverHello",
    inputNext: 0,
    outputNext: 0,
    generation: 1,
    machineId: "m",
  };
  const output = (offset: number, end: number): Message => {
    return { type: "output", offset, bytes: stream(offset, end) };
  };
  const end: Message = { type: "end", reason: EndReason.guestEnded, exitCode: 0, why: "" };
  const good = await misbehave([hello, output(0, 10), output(4, 12), output(2, 5), end]);
  assert.deepEqual(new Uint8Array(good.bytes), stream(0, 12));
  assert.equal(good.client.duplicateBytes, 6 + 3);
  const wrong: [Message[], RegExp][] = [
    [[output(0, 1)], /no SERVER-HELLO/],
    [[{ type: "ping" }], /no SERVER-HELLO/],
    [[hello, output(1, 2)], /output at 1, expected 0/],
    [[hello, { type: "gap", from: 1, to: 2 }], /gap from 1 to 2/],
    [[hello, { type: "inputAck", offset: 1 }], /acknowledged to 1 of 0/],
  ];
  for (const [messages, expected] of wrong) {
    const watcher = await misbehave(messages);
    assert.match(watcher.notices[0] ?? "", expected);
  }
});

Deno.test("kept input is bounded, and goes nowhere before its window opens", () => {
  const kept = new KeptInput();
  assert.equal(kept.append(stream(0, 70_000)), consoleInputBytes);
  assert.equal(kept.append(stream(0, 1)), 0);
  kept.attach(100);
  assert.equal(kept.next(), undefined);
  kept.acknowledged(90);
  const length = consoleInputBytes - 10;
  assert.deepEqual(kept.next(), { offset: 100, bytes: stream(0, length) });
  assert.equal(kept.next(), undefined);
  kept.acknowledged(100 + 1000);
  assert.equal(kept.length, consoleInputBytes - 1000);
  assert.throws(() => kept.acknowledged(1 << 20), PeerError);
});

Deno.test("kept input moves down to a server that another client's input was lost for", () => {
  const kept = new KeptInput();
  kept.append(stream(0, 10));
  kept.attach(50);
  kept.acknowledged(20);
  assert.equal(kept.next()?.offset, 50);
  kept.attach(20);
  kept.acknowledged(20);
  assert.deepEqual(kept.next(), { offset: 20, bytes: stream(0, 10) });
});
