import assert from "node:assert/strict";
import { goodbyeMs } from "../base/limits.ts";
import { parseAddress } from "./address.ts";
import { testFrame, testFraming } from "./framing_test_support.ts";
import { goodbye } from "./goodbye.ts";
import { connectTcp, listenTcp } from "./tcp.ts";

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
