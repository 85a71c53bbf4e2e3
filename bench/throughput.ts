/**
 * What protection costs a guest: its throughput with a backup that follows on this same host, against the same
 * guest alone. `ledger`: requests answered a second by a pipelined client over the framed console.
 * `stress`: rounds a second.
 *
 *   deno run -A bench/throughput.ts [--json] [--apart] [--pairs 5] [--seconds 3] [--rounds 40]
 *
 * The aim is a ratio of at least 0.9 each. Both sides, the client and this program share the host's cores: with
 * fewer than four of them, what is measured is also how well they share. `--apart` takes that out.
 */
import { parseArgs } from "node:util";
import { compare, report } from "./compare.ts";
import { Core, place } from "./cores.ts";
import {
  LedgerLoad,
  type RunningMachine,
  startProtected,
  startUnprotected,
  watchToEnd,
} from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    apart: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "40" },
    depth: { type: "string", default: "16" },
  },
});
const pairs = Number(values.pairs);
const rounds = Number(values.rounds);
const isApart = values.apart;
const where = isApart ? ", a core a side" : "";
const aim = "at least 0.9";
place(Deno.pid, Core.backup, isApart);

async function answersPerSecond(starting: Promise<RunningMachine>): Promise<number> {
  await using machine = await starting;
  using load = new LedgerLoad(machine.console, Number(values.depth));
  await load.rate(1000);
  return await load.rate(Number(values.seconds) * 1000);
}

async function roundsPerSecond(starting: Promise<RunningMachine>): Promise<number> {
  await using machine = await starting;
  return rounds / await watchToEnd(machine.console);
}

const ledger = { guest: "ledger", isApart };
const stress = { guest: "stress", args: ["--cmdline", `1 ${rounds}`], isApart };
report([
  await compare(
    { name: `ledger, answers per second${where}`, unit: "/s", aim },
    pairs,
    () => answersPerSecond(startProtected(ledger)),
    () => answersPerSecond(startUnprotected(ledger)),
  ),
  await compare(
    { name: `stress, rounds per second${where}`, unit: "/s", aim },
    pairs,
    () => roundsPerSecond(startProtected(stress)),
    () => roundsPerSecond(startUnprotected(stress)),
  ),
], values.json);
