import assert from "node:assert/strict";
import { goodbyeMs } from "../base/limits.ts";
import { parseAddress } from "./address.ts";
import { testFrame, testFraming } from "./framing_test_support.ts";
import { goodbye } from "./goodbye.ts";
import { connectTcp, listenTcp } from "./tcp.ts";

Deno.test("the last word arrives, though the peer goes on sending", async () => {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), testFraming);
  for (let times = 0; times < 50; times++) {
    using link = await connectTcp(parseAddress(listener.address), testFraming);
    using peer = (await listener.accept())!;
    for (let count = 0; count < 20; count++) void peer.send(testFrame(new Uint8Array(10_000)));
    void link.send(testFrame(new Uint8Array([7])));
    const left = goodbye(link);
    const heard = (async () => {
      while (await link.receive() !== undefined);
    })();
    await new Promise((resolve) => setTimeout(resolve, 1));
    await peer.send(testFrame(new Uint8Array(10_000))).catch(() => {});
    assert.deepEqual(await peer.receive(), testFrame(new Uint8Array([7])));
    assert.equal(await peer.receive(), undefined);
    await peer.endSending();
    await Promise.all([left, heard]);
  }
});

Deno.test("a peer that takes nothing any more holds up no goodbye", async () => {
  using listener = listenTcp(parseAddress("127.0.0.1:0"), testFraming);
  using link = await connectTcp(parseAddress(listener.address), testFraming);
  using _silent = await listener.accept();
  // More than the kernel's buffers take: from then on it waits here.
  while (link.queuedBytes < 2 << 20) {
    void link.send(testFrame(new Uint8Array(1 << 20)));
    await new Promise((resolve) => setTimeout(resolve));
  }
  let fire = () => {};
  const left = goodbye(link, (delayMs, then) => {
    assert.equal(delayMs, goodbyeMs);
    fire = then;
    return () => {};
  });
  fire();
  await left;
  assert.equal(await link.receive(), undefined);
});
