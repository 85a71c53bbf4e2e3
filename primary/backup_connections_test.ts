import assert from "node:assert/strict";
import { parseAddress } from "../link/address.ts";
import { logFraming } from "../link/log_framing.ts";
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
  await connections.close();
  assert.deepEqual(heard, ["message", "closed"]);
});
