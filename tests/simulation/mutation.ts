/** draft */
import { MUTANTS } from "./mutants.ts";
import { loadMutant } from "./mutate.ts";
import { runSeed } from "./run.ts";
const first = 1;
const max = Number(Deno.args[0] ?? 3000);
const only = Deno.args[1];
for (const m of MUTANTS) {
  if (only && !m.name.includes(only)) continue;
  const t0 = performance.now();
  const code = await loadMutant(m);
  const tl = performance.now() - t0;
  let found: string | undefined;
  let n = 0;
  let s = first;
  for (; n < max; n++, s++) {
    const r = await runSeed(s, { code });
    if (r.violation) {
      found = `seed ${s}: ${r.violation.promise}: ${r.violation.what}`;
      break;
    }
  }
  console.log(
    found ? "found " : "MISSED",
    String(n + 1).padStart(5),
    m.name,
    "|",
    found?.slice(0, 200),
    tl.toFixed(0),
    (performance.now() - t0).toFixed(0) + "ms",
  );
}
