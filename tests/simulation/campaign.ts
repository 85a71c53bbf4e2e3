/**
 * Many seeds, one after the other, and what to tell of the first one that breaks a promise.
 *
 * Called by simulate.ts, by the mutation test and by the gate.
 */
import type { ProtocolCode } from "./code.ts";
import { describeFault } from "./faults.ts";
import { type RunCounts, type RunResult, runSeed } from "./run.ts";
import { type Kept, shrink } from "./shrink.ts";
import type { Violation } from "./world.ts";

/** Which seeds to run. */
export interface CampaignOptions {
  readonly first: number;
  readonly seeds: number;
  /** Default: production. */
  readonly code?: ProtocolCode;
  /** Called after each seed, with how many have been run; the campaign ends once it says so. */
  onSeed?(done: number): Promise<"go on" | "stop"> | undefined;
}

/** What came of it. */
export interface CampaignResult {
  /** How many were run, the failing one among them. */
  readonly seeds: number;
  readonly failure: { readonly seed: number; readonly violation: Violation } | undefined;
  readonly totals: RunCounts;
}

/** Runs seeds until one of them breaks a promise. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { first, seeds, code, onSeed } = options;
  const totals = { ...NOTHING };
  for (let done = 1; done <= seeds; done++) {
    const seed = (first + done - 1) % 2 ** 32;
    const { violation, counts } = await runSeed(seed, code === undefined ? {} : { code });
    for (const name of Object.keys(totals) as (keyof RunCounts)[]) totals[name] += counts[name];
    if (violation !== undefined) return { seeds: done, failure: { seed, violation }, totals };
    const verdict = onSeed?.(done);
    if (verdict !== undefined && await verdict === "stop") {
      return { seeds: done, failure: undefined, totals };
    }
  }
  return { seeds, failure: undefined, totals };
}

const NOTHING = {
  steps: 0,
  takeovers: 0,
  handovers: 0,
  divergences: 0,
  healings: 0,
  lost: 0,
  ended: 0,
  seenBytes: 0,
  repeatedBytes: 0,
};

/**
 * A failing seed for people: the story with no more faults than it takes, and how to see it again.
 * @param code the code that fails; default: production
 * @param again the command that shows it again; default: that of production code
 */
export async function describeFailure(
  seed: number,
  code?: ProtocolCode,
  again?: string,
): Promise<string> {
  const kept = await shrink(seed, code);
  const { result, all } = await runKept(seed, kept, code);
  const { violation, transcript } = result;
  return [
    `seed ${seed} breaks a promise, with ${kept.length} of its ${all} faults:`,
    ...result.faults.map((fault) => `  ${describeFault(fault)}`),
    ...transcript,
    `BROKEN: ${violation?.promise}: ${violation?.what}`,
    `see it again: ${again ?? commandOf(seed, kept)}`,
  ].join("\n");
}

function commandOf(seed: number, kept: Kept): string {
  const list = kept.join(",") || "none";
  return `deno task simulate --seeds 1 --seed ${seed} --keep ${list}`;
}

/** Runs a seed with some of its faults only, and writes the transcript. */
export async function runKept(
  seed: number,
  kept: Kept | undefined,
  code?: ProtocolCode,
): Promise<{ result: RunResult; all: number }> {
  const base = code === undefined ? {} : { code };
  const { faults } = await runSeed(seed, base);
  const chosen = kept === undefined ? faults : kept.flatMap((at) => faults[at] ?? []);
  const result = await runSeed(seed, { ...base, isVerbose: true, faults: chosen });
  return { result, all: faults.length };
}
