/**
 * Exits per second of our vCPU loop, recording and unprotected, against a minimal loop in C: in ring 3, where bundled
 * guests spend their time, and in ring 0 (exit_loops.ts).
 *
 *   deno run -A bench/exits.ts [--json] [--pairs 7] [--exits 20000]
 *
 * Needs cc and linux/kvm.h. The aim is a ratio of at least 0.85 in ring 3.
 */
import { parseArgs } from "node:util";
import { compare, report } from "./compare.ts";
import { ExitLoops } from "./exit_loops.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "7" },
    exits: { type: "string", default: "20000" },
  },
});

using loops = await ExitLoops.build(Number(values.exits));
const comparisons = [];
for (const ring of [3, 0] as const) {
  loops.runOurs(ring);
  comparisons.push(
    await compare(
      {
        name: `exits per second, ring ${ring}`,
        unit: "/s",
        aim: ring === 3 ? "at least 0.85" : "none",
      },
      Number(values.pairs),
      () => Promise.resolve(loops.runOurs(ring)),
      () => loops.runBare(),
    ),
  );
}
report(comparisons, values.json);
