/**
 * The campaign behind "no leak": starts and ends pairs in one process, in every way that there is, and compares
 * what the process has before and after.
 *
 *   deno run -A tests/campaigns/leak.ts --pairs 50
 *
 * Ends with code 1 if anything was left behind. Memory is shown for people: the heap keeps what it once had.
 */
import { parseArgs } from "node:util";
import { ENDINGS, holdings, liveAndEnd, settledHoldings, surplus } from "../support/leaks.ts";

const { values } = parseArgs({ options: { pairs: { type: "string", default: "50" } } });
const pairs = Number(values.pairs);
const endings = Object.keys(ENDINGS);

const { workers } = holdings();
for (const ending of endings) await liveAndEnd(ending);
const before = await settledHoldings((now) => now.workers === workers);
const residentBefore = Deno.memoryUsage().rss;

for (let pair = 0; pair < pairs; pair++) await liveAndEnd(endings[pair % endings.length]!);

const after = await settledHoldings((now) => surplus(before, now).length === 0);
const left = surplus(before, after);
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
console.log(
  `${pairs} pairs in ${endings.length} ways: ${after.descriptors.length} descriptors, ` +
    `${after.mappings} mappings, ${after.workers} workers, ${after.children} children; left behind: ` +
    `${left.length === 0 ? "nothing" : left.join(", ")}; resident memory ${
      mib(residentBefore)
    } before, ` +
    `${mib(Deno.memoryUsage().rss)} after`,
);
Deno.exit(left.length === 0 ? 0 : 1);
