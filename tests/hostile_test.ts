/**
 * A guest that attacks its machine ends clearly, whatever it does, and a replay of it does the same. The campaign
 * campaigns/hostile.ts does more of it.
 */
import assert from "node:assert/strict";
import { checkHostile } from "./support/hostile.ts";
import { chooseSeed } from "./support/random.ts";
import { OUT_OF_PATIENCE, recordGuest } from "./support/record.ts";
import { digestPoints } from "./support/replay.ts";
import { runCommand, ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("hostile_test");
const COURSES = 4;
/** The last attacks of guests/hostile/src/finale.rs, by their numbers, and how the machine says they ended. */
const FINALES: Readonly<Record<number, RegExp>> = {
  0: /^the guest ended with code 0$/,
  1: /^the guest reset the machine$/,
  2: /^the guest reset the machine$/,
  3: /^the guest ended with code \d+$/,
  4: /^the guest met a triple fault$/,
  5: /^the guest halted with interrupts off$/,
  7: new RegExp(`^${OUT_OF_PATIENCE}$`),
};

for (let own = seed; own < seed + COURSES; own++) {
  Deno.test(`a hostile guest ends, and its replay is exact (seed ${own})`, async () => {
    const { end, attacks } = await checkHostile(own, "8");
    assert.notEqual(end.why, "");
    assert.ok(attacks > 0);
  });
}

Deno.test("a hostile guest's last attack ends as the machine says, and its replay is exact", async () => {
  for (const [finale, why] of Object.entries(FINALES)) {
    assert.match((await checkHostile(seed, `1 finale=${finale}`)).end.why, why);
  }
});

Deno.test("the registers of a processor that has shut down are not compared: a signal may have changed them", async () => {
  const TRIPLE_FAULT = 4;
  for (const [finale, isDigested] of [[TRIPLE_FAULT, false], [0, true]] as const) {
    const { logs, points } = await recordGuest({
      guest: "hostile",
      commandLine: `${seed} 1 finale=${finale}`,
      patienceMs: 10_000,
    });
    assert.equal(digestPoints(logs.at(-1)!).at(-1) === points, isDigested, `finale ${finale}`);
  }
});

for (const [finale, code] of [[1, 0], [4, 66], [5, 66]] as const) {
  Deno.test(`run and replay say how attack ${finale} ended, and run ends with code ${code}`, async () => {
    using scratch = new ScratchDirectory();
    const log = scratch.file("log");
    const commandLine = ["--cmdline", `${seed} 1 finale=${finale}`];
    const run = await runCommand(["run", "hostile", ...commandLine, "--record", log]);
    assert.equal(run.code, code, run.stderr);
    const why = FINALES[finale]!;
    assert.match(run.stderr.replace(/^run: /, "").trim(), why);
    const { end } = JSON.parse((await runCommand(["replay", log, "--json"])).stdout);
    assert.match(end.why, why);
  });
}
