/**
 * What the guest kv does over a network: protected against unprotected, unprotected against the same image under QEMU,
 * the latency that protection adds, the log's bandwidth, and the stages of a takeover.
 *
 *   deno task bench:net [--only throughput,peer,latency,log,stall] [--pairs 3] [--seconds 3] [--json]
 *
 * The clients, both sides of the pair and all bridges are on this host: with fewer cores than those need, what is
 * measured is also how they share them.
 */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { command, parseCount, runMain } from "../../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../../base/errors.ts";
import { type Comparison, report } from "../compare.ts";
import { latency } from "./latency.ts";
import { logBandwidth } from "./log_bandwidth.ts";
import { stalls } from "./stall.ts";
import { againstQemu, protection } from "./throughput.ts";

/** How long and how often. */
export interface Effort {
  readonly pairs: number;
  readonly seconds: number;
}

const PARTS: Readonly<Record<string, (effort: Effort) => Promise<Comparison[]>>> = {
  throughput: protection,
  peer: againstQemu,
  latency,
  log: logBandwidth,
  stall: stalls,
};

await runMain(async () => {
  await command("bench:net", "what the guest kv does over a network", [
    "deno task bench:net",
    "deno task bench:net --only throughput --pairs 5",
  ])
    .option("--only <parts>", Object.keys(PARTS).join(","), parseParts, Object.keys(PARTS))
    .option("--pairs <n>", "how often; the median counts", parseCount, 3)
    .option("--seconds <s>", "how long each load lasts, about", parseCount, 3)
    .option("--json", "the figures as JSON", false)
    .action(async ({ only, json, ...effort }) => {
      const found: Comparison[] = [];
      for (const part of only) {
        const comparisons = await PARTS[part]!(effort);
        if (json) found.push(...comparisons);
        else report(comparisons, false);
      }
      if (json) report(found, true);
    })
    .parseAsync();
  return ExitCode.ok as ExitCodeValue;
});

function parseParts(text: string): string[] {
  const parts = text.split(",");
  if (parts.every((part) => part in PARTS)) return parts;
  throw new InvalidArgumentError(`expected some of ${Object.keys(PARTS).join(", ")}`);
}
