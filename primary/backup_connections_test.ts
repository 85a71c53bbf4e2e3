import assert from "node:assert/strict";
import { leavingBackupCount } from "../base/limits.ts";
import { parseAddress } from "../link/address.ts";
import { logFraming } from "../link/log_framing.ts";
import type { FrameLink } from "../link/link.ts";
import { MemoryPair } from "../link/memory.ts";
import { connectTcp, listenTcp } from "../link/tcp.ts";
import { sealMessage } from "../codec/codec.ts";
import { encodeMessage, type Message, messageKind } from "../protocol/messages.ts";
import { BackupConnections } from "./backup_connections.ts";

Deno.test("a connection that was let go is not heard any more, whatever it has sent already", async () => {
  const listener = listenTcp(parseAddress("127.0.0.1:0"), logFraming);
  const connections = new BackupConnections(listener, () => {});
  const heard: string[] = [];
  connections.serve((input) => {
    heard.push(input.type);
    if (input.type !== "message") return;
    connections.send(input.connection, { type: "refuse", why: "no", retry: false }, 1);
    connections.drop(input.connection, "no");
  });
  using link = await connectTcp(parseAddress(connections.address), logFraming);
  const hello: Message = { type: "hello", protocol: 1, who: "b", machineId: "" };
  const header = { generation: 0, sequence: 1, through: 0 };
  // In one write: the second one is there before the connection closes.
  for (let times = 0; times < 2; times++) {
    void link.send(sealMessage(messageKind(hello.type), header, encodeMessage(hello)));
  }
  assert.notEqual(await link.receive(), undefined, "the refusal is still sent");
  assert.equal(await link.receive().catch(() => undefined), undefined);
  await link.endSending();
  await connections.close();
  assert.deepEqual(heard, ["message", "closed"]);
});

Deno.test("of those that were let go and do not close, only so many are waited for", async () => {
  const pairs = Array.from({ length: leavingBackupCount + 1 }, () => new MemoryPair());
  let arriving = Promise.withResolvers<FrameLink | undefined>();
  const connections = new BackupConnections({
    address: "here",
    accept: () => arriving.promise,
    close: () => arriving.resolve(undefined),
    [Symbol.dispose]: () => {},
  }, () => {});
  connections.serve((input) => {
    if (input.type === "message") connections.drop(input.connection, "no");
  });
  const hello: Message = { type: "hello", protocol: 1, who: "b", machineId: "" };
  const header = { generation: 0, sequence: 1, through: 0 };
  for (const { a, b } of pairs) {
    const { resolve } = arriving;
    arriving = Promise.withResolvers();
    resolve(a);
    await b.send(sealMessage(messageKind(hello.type), header, encodeMessage(hello)));
    assert.equal(await b.receive(), undefined);
  }
  for (const [index, { b }] of pairs.entries()) {
    const sent = b.send(new Uint8Array(1)).then(() => true, () => false);
    assert.equal(await sent, index < leavingBackupCount, `connection ${index}`);
    b.close();
  }
  await connections.close();
});
