/**
 * Kills the primary of a pair again and again, at random moments, while its guest is watched from outside; some of
 * the time it is handed over instead, or the backup is killed.
 *
 * Called by the campaigns campaigns/spin.ts and campaigns/checkpoint.ts.
 */
import { parseArgs } from "node:util";
import type { Pair, PairOptions } from "../../demo/pair_processes.ts";
import { Hosts, PATIENT_MS } from "./pair_hosts.ts";
import type { PairWatch } from "./pair_watch.ts";
import { Random } from "./random.ts";

/** A machine to do harm to. */
export interface Victim<S> {
  /** What is said of it. */
  readonly name: string;
  readonly options: PairOptions;
  watch(pair: Pair): PairWatch<S>;
}

/** What the command line asks for. */
export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
}

/** Reads `--kills` and `--seed`. */
export function killOptions(): KillOptions {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "30" },
      seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
    },
  });
  return { kills: Number(values.kills), seed: Number(values.seed) };
}

/** Does the harm, says what was seen. @throws Error for the first fault, after what both sides said */
export async function killAgainAndAgain<S>(
  { name, options, watch }: Victim<S>,
  { kills, seed }: KillOptions,
): Promise<void> {
  const random = new Random(seed);
  const startedAt = performance.now();
  await using hosts = await Hosts.watched(PATIENT_MS, options, watch);
  const harm = { killed: 0, "handed over": 0, "backup killed": 0 };
  try {
    while (harm.killed < kills) {
      await hosts.watch.progress(1 + random.below(8));
      await new Promise((resolve) => setTimeout(resolve, random.below(100)));
      const kind = random.below(10);
      if (kind === 0) await hosts.handOver();
      else if (kind === 1) await hosts.killBackup();
      else await hosts.killPrimary();
      harm[kind === 0 ? "handed over" : kind === 1 ? "backup killed" : "killed"]++;
    }
    const seen = await hosts.finish();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`${name}: ${JSON.stringify(harm)} in ${seconds} s; ${JSON.stringify(seen)}`);
  } catch (error) {
    const said = hosts.pair.sides.slice(-3).map((side) => `${side.name}:\n${side.text}`);
    console.error(`\n${name}: FAILED after ${JSON.stringify(harm)} (--seed ${seed})`);
    console.error(said.join("\n"));
    throw error;
  }
}
