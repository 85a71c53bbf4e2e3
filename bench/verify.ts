/**
 * What digests cost a guest: rounds of `stress` and answers of `ledger` a second with a backup that follows, for
 * each choice of `--verify`, against `--verify off`.
 *
 *   deno run -A bench/verify.ts [--json] [--pairs 5] [--seconds 3] [--rounds 10]
 *
 * Both sides, the client and this program share the host's cores. docs/CLI.md has what came out.
 */
import { parseArgs } from "node:util";
import { compare, type Comparison, report } from "./compare.ts";
import { LedgerLoad, startProtected, watchToEnd } from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "10" },
  },
});
/** All but `off`; some more than the default, to show how the cost grows. */
const CHOICES = ["16384", "1024", "commit", "every"];
/** Nobody is to be lost because the host has no time for it. */
const PATIENCE = ["--timeout", "20s", "--lag-max", "20s"];

async function rounds(verify: string): Promise<number> {
  const args = ["--cmdline", `1 ${values.rounds}`, "--verify", verify, ...PATIENCE];
  await using machine = await startProtected({ guest: "stress", args, isApart: false });
  return Number(values.rounds) / await watchToEnd(machine.console);
}

async function answers(verify: string): Promise<number> {
  const args = ["--verify", verify, ...PATIENCE];
  await using machine = await startProtected({ guest: "ledger", args, isApart: false });
  using load = new LedgerLoad(machine.console, 16);
  await load.rate(1000);
  return await load.rate(Number(values.seconds) * 1000);
}

const comparisons: Comparison[] = [];
for (const verify of CHOICES) {
  const figure = (name: string) => ({
    name: `${name}, --verify ${verify}`,
    unit: "/s",
    aim: "none",
  });
  const pairs = Number(values.pairs);
  comparisons.push(
    await compare(figure("stress, rounds"), pairs, () => rounds(verify), () => rounds("off")),
    await compare(figure("ledger, answers"), pairs, () => answers(verify), () => answers("off")),
  );
}
report(comparisons, values.json);
