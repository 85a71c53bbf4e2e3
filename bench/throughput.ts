/**
 * What protection costs a guest: its throughput with a backup that follows on this same host, against the same
 * guest alone. `ledger`: requests answered a second by a pipelined client over the framed console.
 * `stress`: rounds a second.
 *
 *   deno run -A bench/throughput.ts [--json] [--apart] [--pairs 5] [--seconds 3] [--rounds 40]
 *
 * The aim is a ratio of at least 0.9 each. Both sides, the client and this program share the host's cores: with
 * fewer than four of them, what is measured is also how well they share. `--apart` takes the backup and the client
 * out of that. The second figure takes all out: it counts the processor time of the thread that the guest
 * runs in, as if everything else had cores enough.
 */
import { parseArgs } from "node:util";
import { compareAll, type Comparison, report } from "./compare.ts";
import { Core, place } from "./cores.ts";
import {
  LedgerLoad,
  type RunningMachine,
  type Start,
  startProtected,
  startUnprotected,
  vcpuSeconds,
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

/** Work done, by the clock on the wall and by the processor time of the vCPU's thread. */
interface Rates {
  readonly perSecond: number;
  readonly perVcpuSecond: number;
}

async function answers(starting: Promise<RunningMachine>): Promise<Rates> {
  await using machine = await starting;
  using load = new LedgerLoad(machine.console, Number(values.depth));
  await load.rate(1000);
  const [before, answered] = [vcpuSeconds(machine), load.answered];
  const perSecond = await load.rate(Number(values.seconds) * 1000);
  return {
    perSecond,
    perVcpuSecond: (load.answered - answered) / (vcpuSeconds(machine) - before),
  };
}

async function roundsDone(starting: Promise<RunningMachine>): Promise<Rates> {
  await using machine = await starting;
  const before = vcpuSeconds(machine);
  // The guest's end takes the thread with it: its time is asked for while it still runs.
  let after = before;
  const ticker = setInterval(() => after = vcpuSeconds(machine), 50);
  try {
    const perSecond = rounds / await watchToEnd(machine.console);
    return { perSecond, perVcpuSecond: rounds / (after - before) };
  } finally {
    clearInterval(ticker);
  }
}

function compareGuest(start: Start, unit: string, run: typeof answers): Promise<Comparison[]> {
  const figures = {
    perSecond: { name: `${start.guest}, ${unit} per second${where}`, unit: "/s", aim },
    perVcpuSecond: {
      name: `${start.guest}, ${unit} per second of the vCPU thread's processor time${where}`,
      unit: "/s",
      aim: "none",
    },
  };
  return compareAll(
    figures,
    pairs,
    () => run(startProtected(start)),
    () => run(startUnprotected(start)),
  );
}

report([
  ...await compareGuest({ guest: "ledger", isApart }, "answers", answers),
  ...await compareGuest(
    { guest: "stress", args: ["--cmdline", `1 ${rounds}`], isApart },
    "rounds",
    roundsDone,
  ),
], values.json);
