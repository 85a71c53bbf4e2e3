import assert from "node:assert/strict";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { MemoryPair } from "./memory.ts";

const frame = (...bytes: number[]) => new Uint8Array(bytes);

Deno.test("frames arrive in order, as they were when they were sent", async () => {
  const { a, b } = new MemoryPair();
  const first = frame(1, 2);
  await a.send(first);
  first.fill(0);
  void a.send(frame(3));
  assert.deepEqual(await b.receive(), frame(1, 2));
  assert.deepEqual(await b.receive(), frame(3));
  const waiting = a.receive();
  await b.send(frame(4));
  assert.deepEqual(await waiting, frame(4));
});

Deno.test("a connection can be cut at any byte", async () => {
  for (let cut = 0; cut <= 6; cut++) {
    const { a, b } = new MemoryPair();
    a.cutAtByte(cut);
    const sends = await Promise.allSettled([a.send(frame(1, 2, 3)), a.send(frame(4, 5, 6))]);
    assert.equal(sends[0].status, "fulfilled");
    assert.equal(sends[1].status, cut <= 3 ? "rejected" : "fulfilled");
    for (let i = 0; i < Math.floor(cut / 3); i++) assert.equal((await b.receive())?.length, 3);
    await assert.rejects(b.receive(), cut % 3 === 0 ? UnavailableError : PeerError);
    await assert.rejects(b.send(frame(1)), UnavailableError);
    await assert.rejects(a.receive(), UnavailableError);
  }
});

Deno.test("a cut while both wait is found by both", async () => {
  const pair = new MemoryPair();
  const waiting = [pair.a.receive(), pair.b.receive()];
  pair.cut();
  for (const receive of waiting) await assert.rejects(receive, UnavailableError);
});

Deno.test("an end and a close are received as the end", async () => {
  const { a, b } = new MemoryPair();
  void a.send(frame(1));
  await a.endSending();
  await b.send(frame(2));
  assert.deepEqual(await b.receive(), frame(1));
  assert.equal(await b.receive(), undefined);
  assert.deepEqual(await a.receive(), frame(2));
  const waiting = a.receive();
  b.close();
  assert.equal(await waiting, undefined);
  await assert.rejects(a.send(frame(3)), UnavailableError);
});
