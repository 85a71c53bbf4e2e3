import assert from "node:assert/strict";
import { describeFailure, runCampaign } from "./campaign.ts";
import { production } from "./code.ts";
import { alteredTexts, loadMutant } from "./mutate.ts";
import { MUTANTS, SEEDS_MAX } from "./mutants.ts";
import { runSeed } from "./run.ts";

/** Run by every gate, so that what is found today is found tomorrow. */
const FIXED_SEED = 1;
/** Half of the seeds are the fixed ones, half are new each time. */
const SEEDS = 10_000;

/** Runs seeds of production code; a failure tells its story. */
async function hold(first: number): Promise<void> {
  const { failure, totals } = await runCampaign({ first, seeds: SEEDS });
  assert.ok(failure === undefined, failure && await describeFailure(failure.seed));
  for (const [name, count] of Object.entries(totals)) assert.ok(count > 0, `no run had ${name}`);
}

Deno.test("whatever goes wrong, what the protocol promises holds: the seeds of every gate", async () => {
  await hold(FIXED_SEED);
});

Deno.test("whatever goes wrong, what the protocol promises holds: seeds of this moment", async () => {
  const first = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`simulation: SEED=${first}`);
  await hold(first);
});

Deno.test("a seed repeats a run to the last line", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const runs = [
      await runSeed(seed, { isVerbose: true }),
      await runSeed(seed, { isVerbose: true }),
    ];
    assert.deepEqual(runs[0], runs[1]);
    assert.ok(runs[0]!.transcript.length > 20);
  }
});

Deno.test("every deliberate bug changes the code, each at exactly one place", async () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const mutant of MUTANTS) await alteredTexts(mutant);
  await assert.rejects(
    alteredTexts({ name: "none", edits: [{ file: "protocol/join.ts", find: "?!", replace: "" }] }),
    /mutant "none": protocol\/join.ts has 0 of/,
  );
});

Deno.test("a copy of the code without a bug breaks nothing", async () => {
  const code = await loadMutant({ name: "none", edits: [] });
  assert.notEqual(code.PrimaryProtocol, production.PrimaryProtocol);
  assert.equal((await runCampaign({ first: FIXED_SEED, seeds: 200, code })).failure, undefined);
});

for (const mutant of MUTANTS) {
  Deno.test(`the simulator finds it: ${mutant.name}`, async () => {
    const code = await loadMutant(mutant);
    const { failure } = await runCampaign({ first: FIXED_SEED, seeds: SEEDS_MAX, code });
    assert.ok(failure !== undefined, `not found in ${SEEDS_MAX} seeds`);
  });
}

Deno.test("a failing run is told with no more faults than it takes, and how to see it again", async () => {
  const mutant = MUTANTS.find(({ name }) => name === "kept outputs are forgotten at a takeover")!;
  const code = await loadMutant(mutant);
  const { failure } = await runCampaign({ first: FIXED_SEED, seeds: SEEDS_MAX, code });
  const story = await describeFailure(failure!.seed, code);
  const [, kept, all] = story.match(/with (\d+) of its (\d+) faults/) ?? [];
  assert.ok(Number(kept) >= 1 && Number(kept) <= Number(all), story);
  assert.match(story, /BROKEN: nothing lost/);
  assert.match(
    story,
    new RegExp(`see it again: .*--seed ${failure!.seed} --keep [0-9,]+$`),
  );
});
