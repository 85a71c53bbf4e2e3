import assert from "node:assert/strict";
import { UnavailableError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { type ByteWriter, SendQueue } from "./send_queue.ts";

/** Takes at most `most` bytes a write, once each write is let go. */
class Writer {
  readonly writes: Bytes[] = [];
  go: (() => void) | undefined;
  constructor(readonly most = Infinity, readonly stuck = false) {}
  async write(bytes: Bytes): Promise<number> {
    const part = bytes.slice(0, Math.min(this.most, bytes.length));
    this.writes.push(part);
    if (this.stuck) await new Promise<void>((resolve) => this.go = resolve);
    return part.length;
  }
}

function queueOf(writer: ByteWriter, limitBytes: number): SendQueue {
  return new SendQueue(writer, { peer: "peer", limitBytes, onFailure: () => {} });
}

Deno.test("small frames of one tick go out in one write, large ones by themselves, all in order", async () => {
  const writer = new Writer();
  const queue = queueOf(writer, 1 << 20);
  const frames = [[1, 2], [3], [4, 5, 6]].map((bytes) => new Uint8Array(bytes));
  const large = new Uint8Array(70000).fill(7);
  await Promise.all([...frames, large, ...frames].map((frame) => queue.push(frame)));
  assert.deepEqual(writer.writes.map((bytes) => bytes.length), [6, 70000, 6]);
  assert.deepEqual([...writer.writes[0]!], [1, 2, 3, 4, 5, 6]);
  assert.equal(queue.queuedBytes, 0);
});

Deno.test("a write that takes a part only is gone on with", async () => {
  const writer = new Writer(4);
  const queue = queueOf(writer, 100);
  await queue.push(Uint8Array.from({ length: 10 }, (_, i) => i));
  assert.deepEqual(writer.writes.map((bytes) => [...bytes]), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
});

Deno.test("what would not fit in the queue fails it, and what waits is rejected", async () => {
  const queue = queueOf(new Writer(Infinity, true), 100);
  const first = queue.push(new Uint8Array(60));
  const second = queue.push(new Uint8Array(41));
  await assert.rejects(
    second,
    (error: Error) =>
      error instanceof UnavailableError && /60 \+ 41.*limit 100/.test(error.message),
  );
  await assert.rejects(first, UnavailableError);
  await assert.rejects(queue.push(new Uint8Array(1)), UnavailableError);
});

Deno.test("a failed write rejects what was in it and everything after", async () => {
  const queue = queueOf({ write: () => Promise.reject(new Error("reset")) }, 100);
  const sends = [queue.push(new Uint8Array(1)), queue.push(new Uint8Array(1))];
  for (const result of await Promise.allSettled(sends)) assert.equal(result.status, "rejected");
  await queue.flushed();
});
