import assert from "node:assert/strict";
import { PeerError, UnavailableError } from "../base/errors.ts";
import type { FrameLink } from "./link.ts";
import { connectTcp, listenTcp, type TcpOptions } from "./tcp.ts";
import { parseAddress } from "./address.ts";
import { testFrame, testFraming } from "./framing_test_support.ts";

interface Pair extends Disposable {
  readonly client: FrameLink;
  readonly server: FrameLink;
}

async function pair(options: TcpOptions = {}): Promise<Pair> {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), testFraming, options);
  const client = await connectTcp(parseAddress(listener.address), testFraming, options);
  const server = await listener.accept();
  assert.ok(server);
  return {
    client,
    server,
    [Symbol.dispose]() {
      client.close();
      server.close();
    },
  };
}

/** A plain connection to a link: sends what no link would. */
async function raw(): Promise<{ connection: Deno.TcpConn; link: FrameLink } & Disposable> {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), testFraming);
  const connection = await Deno.connect(parseAddress(listener.address));
  const link = await listener.accept();
  assert.ok(link);
  return { connection, link, [Symbol.dispose]: () => link.close() };
}

const bytes = (length: number, fill = length) => testFrame(new Uint8Array(length).fill(fill));

Deno.test("frames of all sizes arrive whole and in order, both ways", async () => {
  using links = await pair();
  const frames = [0, 1, 100, 65531, 65536, 1 << 20, 5].map((length) => bytes(length));
  for (const [from, to] of [[links.client, links.server], [links.server, links.client]] as const) {
    const sent = Promise.all(frames.map((frame) => from.send(frame)));
    for (const frame of frames) assert.deepEqual(await to.receive(), frame);
    await sent;
    assert.equal(from.queuedBytes, 0);
  }
});

Deno.test("after an orderly end the rest is received, then undefined", async () => {
  using links = await pair();
  void links.client.send(bytes(9));
  await links.client.endSending();
  assert.equal((await links.server.receive())?.length, 14);
  assert.equal(await links.server.receive(), undefined);
  await links.server.send(bytes(3));
  assert.equal((await links.client.receive())?.length, 8);
});

Deno.test("a stream that ends inside of a frame is the peer's fault, and closes the link", async () => {
  using peer = await raw();
  await peer.connection.write(bytes(100).subarray(0, 50));
  peer.connection.close();
  await assert.rejects(
    peer.link.receive(),
    (error: Error) =>
      error instanceof PeerError && /127\.0\.0\.1:.*50 bytes of 105/.test(error.message),
  );
  assert.equal(await peer.link.receive(), undefined);
  await assert.rejects(peer.link.send(bytes(1)), UnavailableError);
});

Deno.test("a malformed header closes the link", async () => {
  using peer = await raw();
  await peer.connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
  await assert.rejects(peer.link.receive(), PeerError);
  peer.connection.close();
});

Deno.test("a peer that connects and says nothing is given up after the timeout", async () => {
  const timers: { delayMs: number; fire: () => void }[] = [];
  const setTimer = (delayMs: number, fire: () => void) => {
    timers.push({ delayMs, fire });
    return () => {};
  };
  using links = await pair({ setTimer });
  timers.length = 0;
  const received = links.server.receive({ timeoutMs: 77 });
  assert.equal(timers[0]?.delayMs, 77);
  timers[0].fire();
  await assert.rejects(
    received,
    (error: Error) => error instanceof PeerError && /no whole frame for 77 ms/.test(error.message),
  );
});

Deno.test("closing ends a pending receive, and rejects what waits to be sent", async () => {
  using links = await pair();
  const received = links.client.receive();
  const sent = Array.from({ length: 3 }, () => links.client.send(bytes(1 << 20)));
  links.client.close();
  assert.equal(await received, undefined);
  for (const send of sent) await assert.rejects(send, UnavailableError);
});

Deno.test("what a peer sent before it was gone can be received, though nothing can be sent to it", async () => {
  using links = await pair();
  const frames = Array.from({ length: 50 }, (_, index) => bytes(index + 1));
  await Promise.all(frames.map((frame) => links.server.send(frame)));
  await links.client.send(bytes(10));
  // It has not read that: the connection is reset.
  links.server.close();
  while (await links.client.send(bytes(10)).then(() => true, () => false));
  for (const frame of frames) assert.deepEqual(await links.client.receive(), frame);
  await assert.rejects(links.client.receive(), UnavailableError);
  assert.equal(await links.client.receive(), undefined);
});

Deno.test("a peer that does not read fills the queue to its limit, then the link closes", async () => {
  using links = await pair({ queueBytes: 3 << 20 });
  const sends: Promise<void>[] = [];
  let most = 0;
  for (let i = 0; i < 64 && !await failed(sends); i++) {
    sends.push(links.client.send(bytes(1 << 20)));
    most = Math.max(most, links.client.queuedBytes);
  }
  const results = await Promise.allSettled(sends);
  assert.equal(results.at(-1)?.status, "rejected");
  assert.ok(most <= 3 << 20);
  assert.equal(await links.client.receive(), undefined);
});

async function failed(sends: readonly Promise<void>[]): Promise<boolean> {
  const last = sends.at(-1);
  if (last === undefined) return false;
  const pending = new Promise<boolean>((resolve) => queueMicrotask(() => resolve(false)));
  return await Promise.race([last.then(() => false, () => true), pending]);
}

Deno.test("an address where nobody listens, and one that is taken, are unavailable", async () => {
  const listener = listenTcp(parseAddress("127.0.0.1:0"), testFraming);
  const address = parseAddress(listener.address);
  assert.throws(() => listenTcp(address, testFraming), UnavailableError);
  const accepting = listener.accept();
  listener.close();
  listener.close();
  assert.equal(await accepting, undefined);
  await assert.rejects(connectTcp(address, testFraming), UnavailableError);
  const signal = AbortSignal.abort();
  await assert.rejects(connectTcp(address, testFraming, { signal }), /given up/);
});
