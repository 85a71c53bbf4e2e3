/**
 * Makes a failing run smaller: leaves its faults out, one after the other, as long as the same promise is
 * broken. What is left is what it takes.
 */
import type { ProtocolCode } from "./code.ts";
import { runSeed } from "./run.ts";

/** Faults of a run, by their places in the list that its seed draws. */
export type Kept = readonly number[];

/**
 * Shrinks the faults of a seed that breaks a promise.
 * @returns the places of the faults that are needed, each of them
 */
export async function shrink(seed: number, code?: ProtocolCode): Promise<Kept> {
  const options = code === undefined ? {} : { code };
  const { faults, violation } = await runSeed(seed, options);
  const fails = async (kept: Kept) => {
    const result = await runSeed(seed, { ...options, faults: kept.map((at) => faults[at]!) });
    return result.violation?.promise === violation?.promise;
  };
  let kept: Kept = faults.map((_, at) => at);
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const left of kept) {
      const fewer = kept.filter((at) => at !== left);
      if (!await fails(fewer)) continue;
      kept = fewer;
      isSmaller = true;
      break;
    }
  }
  return kept;
}
