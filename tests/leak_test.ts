/**
 * No leak: pairs that are started and ended in one process leave no descriptor, mapping, worker, temporary file
 * or child behind. campaigns/leak.ts does it fifty times.
 */
import assert from "node:assert/strict";
import { ENDINGS, holdings, liveAndEnd, settledHoldings, surplus } from "./support/leaks.ts";

const { workers } = holdings();

for (const ending of Object.keys(ENDINGS)) {
  Deno.test(`a pair leaves nothing behind when ${ending}`, async () => {
    // The first one loads modules, and has libraries make what they keep.
    await liveAndEnd(ending);
    const before = await settledHoldings((now) => now.workers === workers);
    await liveAndEnd(ending);
    const after = await settledHoldings((now) => surplus(before, now).length === 0);
    assert.deepEqual(surplus(before, after), []);
  });
}
