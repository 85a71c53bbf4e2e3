/**
 * The test of the test: each of the deliberate bugs of mutants.ts is put in turn into the protocol, and has to
 * be found within a stated number of seeds.
 *
 *   deno task simulate:mutants
 */
import { command, parseCount, runMain } from "../../base/command_line.ts";
import { ExitCode } from "../../base/errors.ts";
import { describeFailure, runCampaign } from "./campaign.ts";
import { loadMutant } from "./mutate.ts";
import { MUTANTS, SEEDS_MAX } from "./mutants.ts";

await runMain(async () => {
  let missed = 0;
  const program = command(
    "simulate:mutants",
    "puts deliberate bugs into the protocol, one at a time, and shows after how many seeds which promise breaks",
    [
      "deno task simulate:mutants --seed 1",
      'deno task simulate:mutants --only "no notices"    with the transcript of the failing run',
    ],
  )
    .option("--seed <n>", "the first seed for each mutant", parseCount, 1)
    .option("--seeds <n>", "how many to try on each", parseCount, SEEDS_MAX)
    .option("--only <text>", "those whose name has this in it, each with its transcript")
    .action(async ({ seed, seeds, only }) => {
      console.log(` seeds  ${"promise that broke".padEnd(24)}  deliberate bug`);
      for (const mutant of MUTANTS) {
        if (!mutant.name.includes(only ?? "")) continue;
        const code = await loadMutant(mutant);
        const { seeds: tried, failure } = await runCampaign({ first: seed, seeds, code });
        if (failure === undefined) missed++;
        const found = failure?.violation.promise ?? "NOT FOUND";
        console.log(`${String(tried).padStart(6)}  ${found.padEnd(24)}  ${mutant.name}`);
        if (only !== undefined && failure !== undefined) {
          const again = `deno task simulate:mutants --only "${mutant.name}"`;
          console.log(await describeFailure(failure.seed, code, again));
        }
      }
    });
  await program.parseAsync();
  return missed === 0 ? ExitCode.ok : ExitCode.failed;
});
