/**
 * A pair of real processes is one machine twice, to the guest's end.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { typeAtLedger } from "./support/exactness.ts";
import { checkLivePair, startPatient } from "./support/live_pair.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("live_pair_test");

Deno.test("stress ends on both sides at the same execution point, with equal digests", async () => {
  const { digests } = await checkLivePair({
    guest: "stress",
    primary: { args: ["--cmdline", `${seed} 50`] },
  });
  assert.ok(digests >= 2, `${digests} digests`);
});

Deno.test("ledger with random input ends on both sides at the same execution point, with equal digests", async () => {
  await checkLivePair({ guest: "ledger" }, typeAtLedger(new Random(seed), 60));
});

Deno.test("at the guest's end the backup's own copy of the console is whole", async () => {
  using scratch = new ScratchDirectory();
  const [first, second] = [scratch.file("first"), scratch.file("second")];
  await using pair = startPatient({
    guest: "stress",
    primary: { args: ["--cmdline", `${seed} 30`, "--console", `file:${first}`] },
    backup: { args: ["--console", `file:${second}`] },
  });
  await Promise.all([pair.primary.exited, pair.backup.exited]);
  const shown = Deno.readTextFileSync(first);
  assert.match(shown, /^done\n$/m);
  assert.equal(Deno.readTextFileSync(second), shown);
});

Deno.test("where the primary's disk is full it halts, and the backup goes on: nothing is missing there", async () => {
  using scratch = new ScratchDirectory();
  const copy = scratch.file("copy");
  await using pair = startPatient({
    guest: "stress",
    primary: { args: ["--cmdline", `${seed} 30`, "--console", "file:/dev/full"] },
    backup: { args: ["--console", `file:${copy}`] },
  });
  const [primary, backup] = await Promise.all([pair.primary.exited, pair.backup.exited]);
  assert.equal(primary.code, ExitCode.unavailable, pair.primary.text);
  assert.match(pair.primary.text, /No space left on device/);
  assert.equal(backup.code, ExitCode.ok, pair.backup.text);
  assert.match(Deno.readTextFileSync(copy), /^stress.*^done\n$/ms);
});
