import assert from "node:assert/strict";
import { primaryRules } from "./protocol_test_support.ts";
import { Ruling } from "./ruling.ts";

const divergenceMax = { count: 1, withinMs: 1000 };

Deno.test("in mode auto one divergence too many leads to checkpoint mode, and only a further one too many to the backup's end", () => {
  const ruling = new Ruling({ ...primaryRules, mode: "auto", divergenceMax });
  assert.equal(ruling.diverged(0).verdict, "heal");
  assert.equal(ruling.rules.checkpointing, false);
  assert.deepEqual(ruling.diverged(1), {
    verdict: "checkpoint",
    why: "more than 1 in 1 s divergences",
  });
  assert.equal(ruling.rules.checkpointing, true);
  assert.deepEqual([2, 3].map((nowMs) => ruling.diverged(nowMs).verdict), ["heal", "unfit"]);
  assert.equal(ruling.divergences, 4);
});

Deno.test("in mode replay no divergence changes the mode", () => {
  const ruling = new Ruling({ ...primaryRules, mode: "replay", divergenceMax });
  const verdicts = [0, 1].map((nowMs) => ruling.diverged(nowMs).verdict);
  assert.deepEqual(verdicts, ["heal", "unfit"]);
  assert.equal(ruling.rules.checkpointing, false);
});

Deno.test("a mode that is set holds at once, auto begins with replay, and other settings leave the mode alone", () => {
  const ruling = new Ruling(primaryRules);
  ruling.set({ mode: "checkpoint" });
  assert.equal(ruling.rules.checkpointing, true);
  ruling.set({ sliceMs: 50, lagMaxMs: 0 });
  const { checkpointing, sliceMs, lagMaxMs, mode } = ruling.rules;
  assert.deepEqual([checkpointing, sliceMs, lagMaxMs, mode], [true, 50, 0, "checkpoint"]);
  ruling.set({ mode: "auto" });
  assert.equal(ruling.rules.checkpointing, false);
});
