import assert from "node:assert/strict";
import { bothWays, LinkRules, type Way } from "./link_rules.ts";

const AB: Way = { from: "A", to: "B" };
const BA: Way = { from: "B", to: "A" };
const toArbiter: Way = { from: "A", to: "arbiter" };

Deno.test("at first everything passes at once", () => {
  const rules = new LinkRules();
  assert.equal(rules.delayOf(AB), 0);
  assert.deepEqual(rules.describe(), []);
});

Deno.test("a cut loses frames one way, and no other", () => {
  const rules = new LinkRules();
  rules.cut(AB);
  assert.equal(rules.delayOf(AB), undefined);
  assert.equal(rules.delayOf(BA), 0);
  assert.equal(rules.delayOf(toArbiter), 0);
  assert.deepEqual(rules.describe(), ["A>B is cut"]);
});

Deno.test("a way that is slow and then cut is cut; healed, it is as at first", () => {
  const rules = new LinkRules();
  rules.delay(200, ...bothWays("A", "B"));
  rules.cut(AB);
  assert.deepEqual([rules.delayOf(AB), rules.delayOf(BA)], [undefined, 200]);
  assert.deepEqual(rules.describe(), ["A>B is cut", "B>A takes 200 ms more"]);
  rules.heal(AB);
  assert.deepEqual([rules.delayOf(AB), rules.delayOf(BA)], [0, 200]);
});

Deno.test("healing without a way heals all", () => {
  const rules = new LinkRules();
  rules.cut(AB, toArbiter);
  rules.delay(5, BA);
  rules.heal();
  assert.deepEqual([AB, BA, toArbiter].map((way) => rules.delayOf(way)), [0, 0, 0]);
});
