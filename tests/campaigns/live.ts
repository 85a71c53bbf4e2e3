/**
 * The campaign behind "replay is exact", over live pairs: a primary and a backup, two processes, run `stress` and
 * `ledger` with random input from their first exit to the guest's end, seed after seed. The backup compares a
 * checksum of the exits and outputs at every frame, and a digest of the whole machine at every digest in the
 * log; from outside, what both sides say at their status addresses and in the end has to be the same.
 *
 *   deno run -A tests/campaigns/live.ts --seeds 20 --first 1 --rounds 130 --requests 400
 *
 * Ends with code 1 at the first pair that differs, and says which seed repeats it.
 */
import { parseArgs } from "node:util";
import type { PairOptions } from "../../demo/pair_processes.ts";
import { typeAtLedger } from "../support/exactness.ts";
import { checkLivePair, type NextInput } from "../support/live_pair.ts";
import { Random } from "../support/random.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    first: { type: "string", default: "1" },
    rounds: { type: "string", default: "130" },
    requests: { type: "string", default: "400" },
  },
});
const [seeds, first, rounds, requests] = [
  values.seeds,
  values.first,
  values.rounds,
  values.requests,
].map(Number) as [number, number, number, number];

const total = { pairs: 0, points: 0, digests: 0, seenOnBoth: 0, logBytes: 0 };
const startedAtMs = performance.now();
async function run(
  seed: number,
  name: string,
  options: PairOptions,
  nextInput?: NextInput,
): Promise<void> {
  try {
    const found = await checkLivePair(options, nextInput);
    total.pairs++;
    for (const key of ["points", "digests", "seenOnBoth", "logBytes"] as const) {
      total[key] += found[key];
    }
    console.log(`seed ${seed} ${name}: ${found.points} exits, ${found.digests} digests equal`);
  } catch (error) {
    console.error(`seed ${seed} ${name}: not exact (repeat with --first ${seed} --seeds 1)`, error);
    Deno.exit(1);
  }
}

for (let seed = first; seed < first + seeds; seed++) {
  await run(seed, "stress", {
    guest: "stress",
    primary: { args: ["--cmdline", `${seed} ${rounds}`] },
  });
  const nextInput = typeAtLedger(new Random(seed), requests);
  await run(seed, "ledger", { guest: "ledger" }, nextInput);
}
console.log(
  `${seeds} seeds from ${first}: ${total.pairs} live pairs, ${total.points} exits recorded and replayed, ` +
    `${total.digests} digests compared by the backups, ${total.seenOnBoth} seen to be equal from outside, ` +
    `${total.logBytes} log bytes, 0 divergences, ` +
    `${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`,
);
