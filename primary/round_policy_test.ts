import assert from "node:assert/strict";
import { remainderSmallPages, throttleShareMax, transferRoundsMax } from "../base/limits.ts";
import { RoundPolicy } from "./round_policy.ts";

const STAGING = 10_000;
const FAST = 1e9;

/** Feeds a policy rounds of these sizes; says after how many it stops the machine, and the share then. */
function rounds(sizes: (share: number) => number, bytesPerSecond = FAST) {
  const policy = new RoundPolicy(STAGING);
  for (let round = 1; round <= 100; round++) {
    if (policy.isLast(Math.round(sizes(policy.share)), bytesPerSecond)) {
      return { round, share: policy.share };
    }
  }
  throw new Error("never stops");
}

Deno.test("a guest that writes next to nothing is stopped after the first round", () => {
  assert.deepEqual(rounds(() => remainderSmallPages), { round: 1, share: 0 });
});

Deno.test("as long as rounds shrink there is another one, and the guest runs freely", () => {
  let pages = 50_000;
  assert.deepEqual(rounds(() => pages /= 2), { round: 9, share: 0 });
});

Deno.test("a working set that has room in the staging area costs no more than two rounds, and no pause", () => {
  assert.deepEqual(rounds(() => 8200), { round: 2, share: 0 });
});

Deno.test("a working set without room slows the guest until what it writes has", () => {
  const { round, share } = rounds((share) => 40_000 * (1 - share));
  assert.ok(share >= 0.5 && share <= throttleShareMax && round < transferRoundsMax, `${round}`);
});

Deno.test("what would take long to send is not left for the end, though it has room", () => {
  const { share } = rounds((share) => 8000 * (1 - share), 8e6);
  assert.ok(share > 0);
});

Deno.test("where nothing helps there is an end to it", () => {
  const { round, share } = rounds(() => 60_000);
  assert.equal(share, throttleShareMax);
  assert.equal(round, transferRoundsMax);
});
