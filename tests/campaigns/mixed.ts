/**
 * The campaign of mixed pairs: one side on this machine's KVM, the other one on a stock host, each way round; the
 * same exits, outputs and general registers on both.
 *
 *   deno run -A tests/campaigns/mixed.ts --rounds 400 --minutes 5 --seed 1 --here primary,backup
 *
 * `stress` for so many rounds, `ledger` with random input for so many minutes, for each side that is to be
 * on this machine.
 * Ends with code 1 at the first pair that differs.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { request } from "../support/exactness.ts";
import { checkSides, type NextInput } from "../support/live_pair.ts";
import { type Here, MixedHosts } from "../support/mixed_pair.ts";
import { Random } from "../support/random.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "400" },
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
    here: { type: "string", default: "primary,backup" },
  },
});
const seed = Number(values.seed);

/** The client waits for its answers, and so for the slower side: else that would be minutes behind in the end. */
const PACED = ["--commit", "replayed"];
/** Requests that wait for their answers at a time. */
const OPEN_REQUESTS = 4;

/** Requests, a few ahead of their answers, until the time is up. */
function typeFor(minutes: number): NextInput {
  const random = new Random(seed);
  let endMs: number | undefined;
  let number = 0;
  let answered = 0;
  let seen = 0;
  let hasQuit = false;
  return (output) => {
    if (hasQuit || !output.includes(" boot ledger")) return undefined;
    const end = output.lastIndexOf("\n") + 1;
    const lines = output.slice(seen, end).split("\n").filter((line) => line !== "");
    answered += lines.filter((line) => !/ (boot|tick) /.test(line)).length;
    seen = end;
    endMs ??= performance.now() + minutes * 60_000;
    hasQuit = performance.now() > endMs;
    if (hasQuit) return "quit\n";
    return number - answered < OPEN_REQUESTS ? `${request(random, ++number)}\n` : undefined;
  };
}

async function run(
  hosts: MixedHosts,
  here: Here,
  guest: string,
  args: readonly string[],
  nextInput?: NextInput,
): Promise<void> {
  const startMs = performance.now();
  await using pair = await hosts.startPair(here, guest, args);
  const { points, digests, logBytes } = await checkSides(
    pair.primary,
    pair.backup,
    pair.consoles,
    nextInput,
  );
  const compared = /another kind of host/.test(pair.backup.text) ? "portable" : "all";
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  console.log(
    `${guest}, the ${here} on this machine: ${points} exits, ${digests} digests equal (compared: ${compared}), ` +
      `${logBytes} log bytes, ${seconds} s`,
  );
  assert.ok(points > 0);
}

console.log(`mixed pairs campaign, seed ${seed}`);
await using hosts = await MixedHosts.start();
for (const here of values.here.split(",") as Here[]) {
  await run(hosts, here, "stress", ["--cmdline", `${seed} ${values.rounds}`]);
  await run(hosts, here, "ledger", PACED, typeFor(Number(values.minutes)));
}
