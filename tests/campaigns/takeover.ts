/**
 * The campaign behind "nothing lost, little repeated, one at a time": kills, pauses and hands over real
 * pairs under load, and judges each byte that came out.
 *
 *   deno run -A tests/campaigns/takeover.ts --kills 100 --chains 10 --steps 5 --backup-kills 20 \
 *     --handovers 20 --pauses 10 --close-calls 20 --timeout 1000 --seed 1
 *
 * One machine lives through all faults of a kind; only a kill at a named step, and a chain of three takeovers (from the
 * first host to its fourth process), need a fresh pair. Ends with
 * code 1 at the first fault that shows, with what both sides said. The seed repeats the choices, not the
 * moments: those are the host's as well.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { crashSeenRaw, crashUnderLoad } from "../support/pair_crash.ts";
import { Hosts, SILENCE_MS } from "../support/pair_hosts.ts";
import { CRASH_POINT_NAMES, CRASH_POINTS, type CrashPoint } from "../support/pair_steps.ts";
import type { Seen } from "../support/pair_watch.ts";
import { Random } from "../support/random.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    chains: { type: "string", default: "10" },
    steps: { type: "string", default: "5" },
    "backup-kills": { type: "string", default: "20" },
    handovers: { type: "string", default: "20" },
    pauses: { type: "string", default: "10" },
    "close-calls": { type: "string", default: "20" },
    timeout: { type: "string", default: `${SILENCE_MS}` },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
  },
});
const seed = Number(values.seed);
const timeoutMs = Number(values.timeout);
const random = new Random(seed);
const startedAt = performance.now();
/** The longest time for which this process was not let run: what the host does to the sides, too. */
let stallMs = 0;
let lastTurnMs = startedAt;
const turns = setInterval(() => {
  stallMs = Math.max(stallMs, performance.now() - lastTurnMs);
  lastTurnMs = performance.now();
}, 10);
const totals = { lines: 0, bytes: 0, requests: 0, resent: 0, duplicateBytes: 0 };

console.log(`takeover campaign, seed ${seed}, timeout ${timeoutMs} ms`);
await onOneMachine("kill -9 of the primary", values.kills, (hosts) => hosts.killPrimary());
for (let chain = 1; chain <= Number(values.chains); chain++) {
  const name = `chain ${chain} of ${values.chains}, kill -9 of the primary`;
  await onOneMachine(name, "3", (hosts) => hosts.killPrimary());
}
await atNamedSteps(Number(values.steps));
await onOneMachine(
  "kill -9 of the backup",
  values["backup-kills"],
  (hosts) => hosts.killBackup(),
  ({ connections, duplicateBytes }) => assert.deepEqual([connections, duplicateBytes], [1, 0]),
);
await onOneMachine(
  "handover",
  values.handovers,
  (hosts) => hosts.handOver(),
  ({ duplicateBytes }) => assert.equal(duplicateBytes, 0),
);
await onOneMachine("SIGSTOP of the primary until it has lost", values.pauses, async (hosts) => {
  const outcome = await hosts.pausePrimary();
  assert.equal(outcome, "the primary lost");
  return outcome;
});
await onOneMachine(
  "SIGSTOP of the primary for 0.7 to 1.3 of the timeout",
  values["close-calls"],
  (hosts) => hosts.pausePrimary(timeoutMs * (0.7 + random.below(60) / 100)),
);
await onOneMachine(
  "SIGSTOP of the backup until it has lost",
  values.pauses,
  (hosts) => hosts.pauseBackup(),
);
clearInterval(turns);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
console.log(
  `nothing lost, nothing skipped, in ${seconds} s; in all: ${JSON.stringify(totals)}; ` +
    `longest stall of this process: ${stallMs.toFixed(0)} ms`,
);

/** Does the same harm `times` times, at random moments, to a machine under load. */
async function onOneMachine(
  name: string,
  times: string,
  harm: (hosts: Hosts) => Promise<unknown>,
  check: (seen: Seen) => void = () => {},
): Promise<void> {
  const outcomes = new Map<string, number>();
  if (Number(times) === 0) return;
  await using hosts = await Hosts.start(timeoutMs);
  try {
    for (let time = 1; time <= Number(times); time++) {
      await hosts.watch.progress(1 + random.below(60));
      await pause(random.below(50));
      const outcome = await harm(hosts);
      if (typeof outcome === "string") outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      progress(`${name}: ${time} of ${times}, generation ${hosts.generation}`);
    }
    const seen = await hosts.finish();
    check(seen);
    add(seen);
    const found = [...outcomes].map(([outcome, count]) => `; ${outcome}: ${count}`).join("");
    conclude(`${name}: ${times} times${found}; ${JSON.stringify(seen)}`);
  } catch (error) {
    fail(name, error, hosts.pair.sides.slice(-3).map((side) => `${side.name}:\n${side.text}`));
  }
}

/** Each named step `times` times, seen by a framed console under load and by a raw one. */
async function atNamedSteps(times: number): Promise<void> {
  for (const point of times === 0 ? [] : CRASH_POINT_NAMES) {
    const { repeats = false }: CrashPoint = CRASH_POINTS[point];
    let repeatedBytes = 0;
    let repeatedLines = 0;
    let duplicateBytes = 0;
    try {
      for (let time = 1; time <= times; time++) {
        const seen = await crashUnderLoad(point, 1 + random.below(150));
        duplicateBytes += seen.duplicateBytes;
        add(seen);
        const joined = await crashSeenRaw(point, 1 + random.below(10));
        assert.equal(joined.repeatedBytes > 0, repeats, `${joined.repeatedBytes} bytes repeated`);
        repeatedBytes += joined.repeatedBytes;
        repeatedLines += joined.repeatedLines;
        progress(`kill -9 ${point}: ${time} of ${times}`);
      }
    } catch (error) {
      fail(`kill -9 ${point}`, error, []);
    }
    const raw = `raw: ${repeatedBytes} bytes, ${repeatedLines} lines seen twice`;
    conclude(
      `kill -9 ${point}: ${times} + ${times} times; ${raw}; framed: ${duplicateBytes} bytes`,
    );
  }
}

function add(seen: Seen): void {
  for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += seen[key];
}

/** Rewrites a terminal's last line; a file gets the conclusions only. */
function progress(text: string): void {
  if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

function conclude(text: string): void {
  progress("");
  console.log(text);
}

function fail(name: string, error: unknown, said: string[]): never {
  console.error(`\n${name}: FAILED (--seed ${seed})\n${said.join("\n")}`);
  throw error;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
