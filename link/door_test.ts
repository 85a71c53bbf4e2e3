import assert from "node:assert/strict";
import { UsageError } from "../base/errors.ts";
import { handshakeMs, refusalNoticeMs, strangerCount } from "../base/limits.ts";
import { parseAddress } from "./address.ts";
import { connectStream } from "./connect.ts";
import { openDoor, TlsDoor } from "./door.ts";
import { Flood, STRANGERS } from "./flood_test_support.ts";
import { makeTestKeys } from "./keys_test_support.ts";
import { Security } from "./security.ts";
import { wallTimer } from "./timer.ts";

const keys = await makeTestKeys();
const anyPort = parseAddress("127.0.0.1:0");

/** A door, and the most strangers that it was seen to have. */
class Watched implements Disposable {
  readonly said: string[] = [];
  readonly door = new TlsDoor(anyPort, keys.a, { notice: (text) => this.said.push(text) });
  most = 0;
  readonly #ticker = setInterval(() => this.most = Math.max(this.most, this.door.strangers), 1);

  get address() {
    return parseAddress(this.door.address);
  }

  /** Waits until this holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Someone of the pair comes in. */
  async welcomes(): Promise<void> {
    const [client, secured] = await Promise.all([
      connectStream(this.address, { security: new Security(keys.b) }),
      this.door.accept(),
    ]);
    assert.equal(secured?.socket.getPeerCertificate().subject.CN, "b");
    client.close();
    secured!.wire.destroy();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
    this.door.close();
  }
}

for (const kind of STRANGERS) {
  Deno.test(`200 connections that ${kind} are never more than ${strangerCount}, are told nothing, and keep out nobody of the pair who comes from elsewhere`, async () => {
    using watched = new Watched();
    const flooding = Flood.open(kind, 200, watched.address, keys.a, "127.0.0.2");
    await watched.welcomes();
    using flood = await flooding;
    await watched.welcomes();
    await watched.until(() => flood.closed >= 200 - strangerCount);
    assert.ok(watched.most <= strangerCount, `${watched.most} strangers at once`);
    assert.equal(flood.receivedBytes, 0);
    assert.ok(watched.said.length <= 1, watched.said.join("\n"));
  });
}

Deno.test("a flood from one address drives out nobody but itself", async () => {
  using watched = new Watched();
  using patient = await Flood.open("say nothing", 2, watched.address, keys.a, "127.0.0.2");
  await watched.until(() => watched.door.strangers === 2);
  using flood = await Flood.open("say nothing", 100, watched.address, keys.a);
  await watched.until(() => flood.closed === 102 - strangerCount);
  assert.equal(patient.closed, 0);
});

Deno.test("a handshake that trickles has its time, and no more", async () => {
  const timers: { delayMs: number; fire: () => void }[] = [];
  const said = Promise.withResolvers<string>();
  using door = new TlsDoor(anyPort, keys.a, {
    notice: said.resolve,
    setTimer: (delayMs, fire) => {
      timers.push({ delayMs, fire });
      return () => {};
    },
  });
  using flood = await Flood.open("stop amid a handshake", 1, parseAddress(door.address), keys.a);
  while (timers.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(timers[0]?.delayMs, handshakeMs);
  timers[0].fire();
  assert.match(await said.promise, /127\.0\.0\.1: no handshake within 2000 ms/);
  while (flood.closed === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(door.strangers, 0);
});

Deno.test("who was turned away is told once, and then in sums", async () => {
  const lines: string[] = [];
  const quiet: (() => void)[] = [];
  using door = new TlsDoor(anyPort, keys.a, {
    notice: (text) => lines.push(text),
    setTimer: (delayMs, fire) => {
      if (delayMs === refusalNoticeMs) quiet.push(fire);
      return delayMs === refusalNoticeMs ? () => {} : wallTimer(delayMs, fire);
    },
  });
  using flood = await Flood.open("send garbage", 5, parseAddress(door.address), keys.a);
  while (flood.closed < 5 || door.strangers > 0) await new Promise((r) => setTimeout(r, 1));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /turned away: 127\.0\.0\.1:\d+: it does not speak TLS/);
  quiet.shift()!();
  assert.deepEqual(lines.slice(1), ["connection turned away: 4 more within 10 s"]);
  quiet.shift()!();
  assert.equal(lines.length, 2, "nobody came meanwhile");
});

Deno.test("closing a door ends who waits at it, and who waits for them", async () => {
  using watched = new Watched();
  const accepting = watched.door.accept();
  using flood = await Flood.open("say nothing", 3, watched.address, keys.a);
  await watched.until(() => watched.door.strangers === 3);
  watched.door.close();
  assert.equal(await accepting, undefined);
  await watched.until(() => flood.closed === 3);
  assert.equal(watched.door.strangers, 0);
});

Deno.test("a door without keys opens on loopback addresses only, unless that is asked for", () => {
  for (const address of [":0", "[::]:0", "10.0.0.1:0", "host.example:0", "0:0"]) {
    assert.throws(() => openDoor(parseAddress(address)), UsageError, address);
  }
  for (const address of ["127.0.0.1:0", "127.1.2.3:0", "[::1]:0", "localhost:0"]) {
    openDoor(parseAddress(address)).close();
  }
  openDoor(parseAddress(":0"), { security: new Security(undefined, true) }).close();
});
