import assert from "node:assert/strict";
import { DivergenceBudget, formatDivergenceMax, parseDivergenceMax } from "./divergence_budget.ts";

Deno.test("so many divergences are healed, and the next one is one too many", () => {
  const budget = new DivergenceBudget({ count: 2, withinMs: Infinity });
  assert.deepEqual([1, 2, 3].map((nowMs) => budget.note(nowMs)), [true, true, false]);
  assert.equal(budget.total, 3);
});

Deno.test("what is long ago does not count any more", () => {
  const budget = new DivergenceBudget({ count: 2, withinMs: 100 });
  assert.deepEqual([0, 50, 101, 151, 160].map((nowMs) => budget.note(nowMs)), [
    ...[true, true, true, true, false],
  ]);
});

Deno.test("after one too many, whoever comes next begins anew", () => {
  const budget = new DivergenceBudget({ count: 1, withinMs: Infinity });
  assert.deepEqual([1, 2, 3, 4].map((nowMs) => budget.note(nowMs)), [true, false, true, false]);
});

Deno.test("none at all may be healed", () => {
  assert.equal(new DivergenceBudget({ count: 0, withinMs: 1000 }).note(1), false);
});

Deno.test("a bound is a number, and may have seconds", () => {
  for (const text of ["3", "0/1", "5/60"]) {
    assert.equal(formatDivergenceMax(parseDivergenceMax(text)!), text);
  }
  assert.deepEqual(parseDivergenceMax("3"), { count: 3, withinMs: Infinity });
  assert.deepEqual(parseDivergenceMax("5/60"), { count: 5, withinMs: 60_000 });
  for (const wrong of ["", "x", "3/", "/3", "3/0", "-1", "3/60s", "1.5"]) {
    assert.equal(parseDivergenceMax(wrong), undefined, wrong);
  }
});
