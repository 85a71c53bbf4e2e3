/**
 * `deno task simulate`: the protocol under faults, seed after seed, until one breaks a promise.
 */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { command, onStopSignals, parseCount, runMain } from "../../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../../base/errors.ts";
import { describeFailure, runCampaign, runKept } from "./campaign.ts";
import { ProgressBar } from "./progress_bar.ts";
import type { Kept } from "./shrink.ts";

await runMain(async () => {
  let code: ExitCodeValue = ExitCode.ok;
  const program = command(
    "simulate",
    "runs the commit protocol of both sides under faults that a seed draws, and checks what it promises",
    [
      "deno task simulate --seeds 100000",
      "deno task simulate --seed 7 --seeds 1 --verbose       tells the story of a seed",
      "deno task simulate --seed 7 --seeds 1 --keep 0,3    with two of its faults only",
    ],
  )
    .option("--seeds <n>", "how many to run", parseCount, 10_000)
    .option("--seed <n>", "the first one; default: drawn, and printed", parseSeed)
    .option(
      "--keep <list>",
      "as --verbose, with these of the seed's faults only: places from 0, or none",
      parseKept,
    )
    .option("--verbose", "print the transcript of every run")
    .action(async ({ seeds, seed, keep, verbose }) => {
      const first = seed ?? Math.floor(Math.random() * 2 ** 31);
      const isTold = verbose || keep !== undefined;
      code = isTold ? await tell(first, seeds, keep) : await run(first, seeds);
    });
  await program.parseAsync();
  return code;
});

/** Runs seeds, and explains the first one that fails. */
async function run(first: number, seeds: number): Promise<ExitCodeValue> {
  console.log(`seeds ${first} to ${first + seeds - 1}`);
  const bar = new ProgressBar(seeds, "seeds");
  let verdict: "go on" | "stop" = "go on";
  const listening = onStopSignals(() => verdict = "stop");
  // Runs are made of microtasks: signals are heard only where a task ends.
  const onSeed = (done: number) => bar.show(done) ? endOfTask().then(() => verdict) : undefined;
  const result = await runCampaign({ first, seeds, onSeed });
  listening();
  bar.clear();
  const rate = bar.rate(result.seeds).toFixed(0);
  console.log(`${result.seeds} seeds, ${rate} seeds/s: ${JSON.stringify(result.totals)}`);
  if (result.failure === undefined) return ExitCode.ok;
  console.log(await describeFailure(result.failure.seed));
  return ExitCode.failed;
}

function endOfTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Prints every run's transcript. */
async function tell(first: number, seeds: number, kept: Kept | undefined): Promise<ExitCodeValue> {
  let code: ExitCodeValue = ExitCode.ok;
  for (let seed = first; seed < first + seeds; seed++) {
    const { result } = await runKept(seed, kept);
    console.log([`seed ${seed}:`, ...result.transcript].join("\n"));
    if (result.violation !== undefined) code = ExitCode.failed;
  }
  return code;
}

function parseSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32) {
    throw new InvalidArgumentError(`expected a number from 0 to ${2 ** 32 - 1}`);
  }
  return Number(text);
}

function parseKept(text: string): Kept {
  if (text === "none") return [];
  if (!/^\d+(,\d+)*$/.test(text)) {
    throw new InvalidArgumentError('expected numbers such as 0,3, or "none"');
  }
  return text.split(",").map(Number);
}
