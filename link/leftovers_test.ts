import assert from "node:assert/strict";
import { connectionLeftoverBytes, handshakeLeftoverBytes, leftoverBytes } from "../base/limits.ts";
import { leaveBehind } from "./leftovers.ts";

/** Something that nobody holds once this task is over. */
function leftover(): WeakRef<object> {
  return new WeakRef({ left: new Uint8Array(1000) });
}

const nextTask = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("what strangers left is collected each time that enough of it lies there", async () => {
  for (const bytes of [handshakeLeftoverBytes, connectionLeftoverBytes]) {
    const some = Array.from({ length: 100 }, leftover);
    await nextTask();
    for (let left = 0; left < leftoverBytes; left += bytes) leaveBehind(bytes);
    assert.equal(some.filter((one) => one.deref() !== undefined).length, 0);
  }
});
