/**
 * The rogue guest: a ledger like any other as long as nobody asks it for what its processor says; then what it
 * prints still agrees with itself, but no replay can follow.
 */
import assert from "node:assert/strict";
import { DivergenceError } from "../base/errors.ts";
import { LedgerChecker } from "../demo/ledger_checker.ts";
import { checkExact, checkReplay, typeAtLedger } from "./support/exactness.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { recordGuest } from "./support/record.ts";

const seed = chooseSeed("rogue_test");
const DRAWS = 30;

Deno.test("a replay of a rogue that nobody asks for anything but a ledger's requests is exact", async () => {
  const input = typeAtLedger(new Random(seed), 30);
  const { points, replayed } = await checkExact({ guest: "rogue", input });
  assert.equal(replayed, points);
});

Deno.test("what a rogue's processor decides agrees with all that it prints, and its replay is found to differ", async () => {
  const requests = Array.from({ length: DRAWS }, (_, index) => `#${index + 1} tsc\n`);
  let typed = [...requests, `#${DRAWS + 1} sum\n#1 tsc\n#${DRAWS + 2} quit\n`];
  const recording = await recordGuest({
    guest: "rogue",
    input: (output) => {
      if (!output.includes(" boot ledger")) return undefined;
      const [next, ...rest] = typed;
      typed = rest;
      return next;
    },
  });
  const checker = new LedgerChecker();
  checker.write(recording.output);
  const { ok, faults, answered, answeredAgain } = checker.verdict();
  assert.ok(ok, JSON.stringify(faults));
  assert.deepEqual([answered, answeredAgain], [DRAWS + 2, 1]);
  const output = new TextDecoder().decode(recording.output);
  for (const text of ["=> up ", "=> luck runs out, down "]) {
    assert.ok(output.includes(text), output);
  }
  await assert.rejects(checkReplay(recording), DivergenceError);
});
