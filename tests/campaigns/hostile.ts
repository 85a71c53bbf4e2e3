/**
 * The campaign behind "a guest harms nobody but itself": records the hostile guest's course of seed after seed,
 * replays each session of it, and compares digests, outputs and ends.
 *
 *   deno task campaign:hostile --seeds 1000 --first 1
 *   deno task stock-kvm -- deno task campaign:hostile --seeds 20 --brief    # short courses, for an emulated host
 *
 * Goes on after a fault, and ends with code 1 if there was one; says which seeds repeat them.
 */
import { parseArgs } from "node:util";
import { checkHostile, type HostileRun, ON_SLOW_HOSTS } from "../support/hostile.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    first: { type: "string", default: "1" },
    brief: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const [seeds, first] = [Number(values.seeds), Number(values.first)];
const isTerminal = Deno.stdout.isTerminal();
const startedAt = performance.now();
const total = { runs: 0, attacks: 0, points: 0, digests: 0, sessions: 0 };
const endings = new Map<string, number>();
const faults: number[] = [];

for (let seed = first; seed < first + seeds; seed++) {
  try {
    take(await (values.brief ? checkHostile(seed, "1", ON_SLOW_HOSTS) : checkHostile(seed)));
  } catch (error) {
    faults.push(seed);
    console.error(`\nseed ${seed}: ${error}`);
  }
  if (isTerminal) showProgress(seed - first + 1);
}

if (isTerminal) console.log();
for (const [ending, count] of [...endings].sort()) console.log(`  ${count} × ${ending}`);
const { runs, attacks, points, digests, sessions } = total;
console.log(
  `${seeds} seeds from ${first}: ${runs} courses of ${attacks} attacks replayed in ${sessions} sessions, ` +
    `${points} exits, ${digests} digests equal, ${faults.length} faults, ` +
    `${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
);
if (faults.length > 0) {
  console.error(`repeat with --seeds 1 --first ${faults.join(", --first ")}`);
  Deno.exit(1);
}

function take(run: HostileRun): void {
  total.runs++;
  for (const key of ["attacks", "points", "digests", "sessions"] as const) total[key] += run[key];
  const ending = `${run.last}: ${run.end.why.replace(/\d{4,}/, "a number")}`;
  endings.set(ending, (endings.get(ending) ?? 0) + 1);
  if (values.verbose) {
    console.log(
      `seed ${run.seed}: ${run.attacks} attacks, ${run.points} exits, ${run.sessions} sessions; ${ending}`,
    );
  }
}

function showProgress(done: number): void {
  const bar = "#".repeat(Math.round(30 * done / seeds)).padEnd(30, ".");
  const rate = (done / (performance.now() - startedAt) * 1000).toFixed(1);
  const text = `\r[${bar}] ${done} of ${seeds}, ${rate} a second, ${faults.length} faults`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
