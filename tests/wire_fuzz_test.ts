/**
 * The short run of the wire campaign (campaigns/wire.ts): what any peer, client or file sends is taken in or refused
 * with a reason, and no more.
 */
import assert from "node:assert/strict";
import { chooseSeed } from "./support/random.ts";
import { fuzzWire } from "./support/wire_fuzz.ts";

const seed = chooseSeed("wire_fuzz_test");
const MESSAGES = 100_000;

Deno.test(`no message of ${MESSAGES} does more than be taken in or refused with a reason`, async () => {
  const { tally, byTarget } = await fuzzWire({ seed, messages: MESSAGES });
  assert.equal(byTarget.size, 5);
  for (const [name, messages] of byTarget) {
    assert.ok(messages > MESSAGES / 50, `${name}: ${messages}`);
  }
  // Most get as far as a protocol, and every layer has refused some.
  assert.ok(tally.accepted > MESSAGES / 3, `${tally.accepted} accepted`);
  for (
    const layer of ["stream", "header", "checksum", "log", "message", "place", "order", "rules"]
  ) {
    assert.ok([...tally.refused.keys()].some((kind) => kind.startsWith(layer)), layer);
  }
});
