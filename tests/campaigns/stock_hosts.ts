/**
 * The campaign of two stock hosts: whole hosts crash, and hosts lose each other and the arbiter, at random moments,
 * seen by a client from outside both.
 *
 *   deno run -A tests/campaigns/stock_hosts.ts --crashes 10 --partitions 12 --seed 1
 *
 * Ends with code 1 at the first fault, and says which seed repeats it.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { Random } from "../support/random.ts";
import { REACHES, StockHosts } from "../support/stock_hosts.ts";

const { values } = parseArgs({
  options: {
    crashes: { type: "string", default: "10" },
    partitions: { type: "string", default: "12" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const random = new Random(Number(values.seed));
const startedAtMs = performance.now();
const say = (text: string) =>
  console.log(`${((performance.now() - startedAtMs) / 1000).toFixed(0)} s: ${text}`);

console.log(`stock hosts campaign, seed ${values.seed}`);
if (values.crashes !== "0") await crashes(Number(values.crashes));
if (values.partitions !== "0") await partitions(Number(values.partitions));

async function crashes(count: number): Promise<void> {
  await using hosts = await StockHosts.start();
  for (let crash = 1; crash <= count; crash++) {
    await hosts.watch.progress(1 + random.below(20));
    await hosts.crashPrimary();
    say(`crash ${crash} of ${count}: nothing lost`);
  }
  say(`${count} host crashes: ${JSON.stringify(await hosts.finish())}`);
}

/** Each reach as often as the others, as far as that goes. */
async function partitions(count: number): Promise<void> {
  await using hosts = await StockHosts.start();
  const outcomes: Record<string, number> = {};
  for (let partition = 0; partition < count; partition++) {
    const reach = REACHES[partition % REACHES.length]!;
    await hosts.watch.progress(1 + random.below(20));
    const winner = await hosts.partition(reach);
    if (reach === "the primary" || reach === "the backup") assert.equal(winner, reach);
    const outcome = `the arbiter reached by ${reach}: ${winner} goes on`;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    say(`partition ${partition + 1} of ${count}, ${outcome}`);
  }
  say(`${count} partitions: ${JSON.stringify(outcomes)} ${JSON.stringify(await hosts.finish())}`);
}
