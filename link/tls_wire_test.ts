import assert from "node:assert/strict";
import type { Bytes } from "../base/layout.ts";
import { TlsWire } from "./tls_wire.ts";

/** A wire after its handshake, and its other end in the clear. */
async function connected(): Promise<{ wire: TlsWire; other: Deno.TcpConn } & Disposable> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [other, connection] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  const wire = new TlsWire(connection);
  wire.open();
  return {
    wire,
    other,
    [Symbol.dispose]() {
      wire.destroy();
      other.close();
    },
  };
}

/** Waits until this holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const message = (fill: number): Bytes => new Uint8Array(1000).fill(fill);

Deno.test("what arrives while nobody takes it stays as it came", async () => {
  using ends = await connected();
  const { wire, other } = ends;
  wire.read(0);
  for (const fill of [1, 2, 3]) {
    await other.write(message(fill));
    await until(() => wire.readableLength === fill * 1000);
  }
  const received: number[] = [];
  for (let chunk; (chunk = wire.read()) !== null;) received.push(...chunk);
  assert.deepEqual(received.filter((_, at) => at % 1000 === 999), [1, 2, 3]);
});

Deno.test("what is taken at once comes in one buffer again and again", async () => {
  using ends = await connected();
  const { wire, other } = ends;
  const buffers = new Set<ArrayBufferLike>();
  let sum = 0;
  wire.on("data", (chunk: Uint8Array) => {
    buffers.add(chunk.buffer);
    sum += chunk.length * chunk[0]!;
  });
  for (const fill of [1, 2, 3]) {
    const before = sum;
    await other.write(message(fill));
    await until(() => sum === before + fill * 1000);
  }
  assert.equal(buffers.size, 1);
});

Deno.test("nothing is read while a wire is held, but for a read that is under way", async () => {
  using ends = await connected();
  const { wire, other } = ends;
  let received = 0;
  wire.on("data", (chunk: Uint8Array) => received += chunk.length);
  await other.write(message(1));
  await until(() => received === 1000);
  wire.hold();
  await other.write(message(2));
  await until(() => received === 2000);
  await other.write(message(3));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(received, 2000);
  wire.release();
  await until(() => received === 3000);
});
