import assert from "node:assert/strict";
import { parseAddress } from "../link/address.ts";
import type { ByteStream } from "../link/byte_stream.ts";
import { connectStream } from "../link/connect.ts";
import { makeTestKeys } from "../link/keys_test_support.ts";
import { Security } from "../link/security.ts";
import { TcpSink } from "./tcp.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Connects, and waits until the sink has the reader. */
async function reader(sink: TcpSink): Promise<Deno.TcpConn> {
  const before = sink.readers;
  const connection = await Deno.connect(parseAddress(sink.address));
  while (sink.readers === before) await new Promise((resolve) => setTimeout(resolve, 1));
  return connection;
}

async function readText(connection: ByteStream, length: number): Promise<string> {
  const buffer = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(buffer.subarray(at));
    assert.ok(count !== null, "the stream ended early");
    at += count;
  }
  return new TextDecoder().decode(buffer);
}

Deno.test("all readers get the bytes from when they came, and each may type once it is live", async () => {
  const sink = new TcpSink("tcp:", "127.0.0.1:0");
  await sink.perform(0, bytes("nobody sees this"));
  const first = await reader(sink);
  await first.write(bytes("early"));
  await sink.goLive();
  assert.equal(new TextDecoder().decode(await sink.readInput()), "early");
  await sink.perform(16, bytes("one"));
  const second = await reader(sink);
  await sink.perform(19, bytes("two"));
  assert.equal(await readText(first, 6), "onetwo");
  assert.equal(await readText(second, 3), "two");
  await second.write(bytes("typed"));
  assert.equal(new TextDecoder().decode(await sink.readInput()), "typed");
  await sink.end();
  assert.equal(await first.read(new Uint8Array(1)), null);
  assert.equal(await sink.readInput(), undefined);
  await sink.close();
  first.close();
  second.close();
});

Deno.test("a reader that is stuck is dropped, and holds up nobody", async () => {
  const sink = new TcpSink("tcp:", "127.0.0.1:0");
  await sink.goLive();
  const stuck = await reader(sink);
  const chunk = new Uint8Array(32 << 10);
  for (let i = 0; sink.readers > 0; i++) {
    assert.ok(i < 10_000, "never dropped");
    await sink.perform(i * chunk.length, chunk);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  stuck.close();
  await sink.close();
});

Deno.test("within TLS readers with a key of the pair read and type, and others get nothing", async () => {
  const keys = await makeTestKeys();
  const sink = new TcpSink("tcp:", "127.0.0.1:0", { security: new Security(keys.a) });
  await sink.goLive();
  const address = parseAddress(sink.address);
  const own = await connectStream(address, { security: new Security(keys.b) });
  while (sink.readers === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const plain = await Deno.connect(address);
  await plain.write(bytes("typed in the clear"));
  while (await plain.read(new Uint8Array(100)) !== null);
  plain.close();
  await own.write(bytes("typed"));
  assert.equal(new TextDecoder().decode(await sink.readInput()), "typed");
  await sink.perform(0, bytes("shown"));
  assert.equal(await readText(own, 5), "shown");
  assert.equal(sink.readers, 1);
  await sink.end();
  assert.equal(await own.read(new Uint8Array(1)), null);
  await sink.close();
  own.close();
});
