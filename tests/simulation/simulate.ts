/**
 * `deno task simulate`: runs seeds until one breaks a promise.
 */
import { parseArgs } from "node:util";
import { runSeed } from "./run.ts";
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string" },
    verbose: { type: "boolean" },
  },
});
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const n = Number(values.seeds);
const t0 = performance.now();
const tally: Record<string, number> = {};
const kinds: Record<string, { n: number; seeds: number[] }> = {};
for (let s = first; s < first + n; s++) {
  const r = await runSeed(s, { isVerbose: values.verbose ?? false });
  for (const [k, v] of Object.entries(r.counts)) tally[k] = (tally[k] ?? 0) + v;
  if (values.verbose) console.log(r.transcript.join("\n"));
  if (r.violation) {
    const k = r.violation.promise + ": " + r.violation.what.replace(/\d+/g, "#").slice(0, 300);
    (kinds[k] ??= { n: 0, seeds: [] }).n++;
    if (kinds[k].seeds.length < 5) kinds[k].seeds.push(s);
  }
}
console.log(kinds, tally, (n / (performance.now() - t0) * 1000).toFixed(0), "seeds/s");
