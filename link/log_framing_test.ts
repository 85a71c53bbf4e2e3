import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { openMessage, sealMessage } from "../codec/codec.ts";
import { parseAddress } from "./address.ts";
import { logFraming } from "./log_framing.ts";
import { connectTcp, listenTcp } from "./tcp.ts";

Deno.test("a message of the logging channel crosses a link, and what is none is refused", async () => {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), logFraming);
  using client = await connectTcp(parseAddress(listener.address), logFraming);
  using server = await listener.accept();
  assert.ok(server);
  const sent = sealMessage(7, { generation: 1, sequence: 2, through: 3 }, new Uint8Array([4]));
  await client.send(sent);
  const received = await server.receive();
  assert.deepEqual(received, sent);
  assert.equal(openMessage(received!).header.kind, 7);
  await client.send(new Uint8Array(56));
  await assert.rejects(server.receive(), PeerError);
});
