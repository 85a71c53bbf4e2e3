/**
 * The campaign behind "replay is exact": records and replays `stress` and `ledger` with random input, seed
 * after seed, and compares digests at every checked point and at the end.
 *
 *   deno run -A tests/campaigns/replay.ts --seeds 20 --first 1 --rounds 170 --requests 400
 *
 * Ends with code 1 at the first replay that differs, and says which seed repeats it.
 */
import { parseArgs } from "node:util";
import { type Checked, checkExact, typeAtLedger } from "../support/exactness.ts";
import { Random } from "../support/random.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    first: { type: "string", default: "1" },
    rounds: { type: "string", default: "170" },
    requests: { type: "string", default: "400" },
    digest: { type: "string", default: "2000" },
  },
});
const [seeds, first, rounds, requests, exitsPerDigest] = [
  values.seeds,
  values.first,
  values.rounds,
  values.requests,
  values.digest,
].map(Number) as [number, number, number, number, number];

const total = { runs: 0, points: 0, replayed: 0, digests: 0, sessions: 0, logBytes: 0 };
const startedAt = performance.now();

for (let seed = first; seed < first + seeds; seed++) {
  const random = new Random(seed);
  const stress = { guest: "stress", commandLine: `${seed} ${rounds}`, verify: exitsPerDigest };
  await run(seed, "stress", () => checkExact(stress));
  await run(seed, "stress in sessions", () =>
    checkExact({
      ...stress,
      commandLine: `${seed} ${Math.ceil(rounds / 10)}`,
      verify: Math.ceil(exitsPerDigest / 10),
      outputsPerSession: 1 + random.below(8),
    }));
  const input = typeAtLedger(random, requests);
  await run(seed, "ledger", () => checkExact({ guest: "ledger", input, verify: exitsPerDigest }));
}

const { runs, points, replayed, digests, sessions, logBytes } = total;
console.log(
  `${seeds} seeds from ${first}: ${runs} runs in ${sessions} sessions, ${points} exits recorded, ` +
    `${replayed} replayed, ${digests} digests compared, ${logBytes} log bytes, 0 divergences, ` +
    `${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
);

async function run(seed: number, name: string, check: () => Promise<Checked>): Promise<void> {
  try {
    const checked = await check();
    total.runs++;
    for (const key of ["points", "replayed", "digests", "sessions", "logBytes"] as const) {
      total[key] += checked[key];
    }
    console.log(`seed ${seed} ${name}: ${checked.points} exits, ${checked.digests} digests equal`);
  } catch (error) {
    console.error(`seed ${seed} ${name}: not exact (repeat with --first ${seed} --seeds 1)`, error);
    Deno.exit(1);
  }
}
