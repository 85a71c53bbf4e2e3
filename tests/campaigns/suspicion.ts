/**
 * The campaign behind the choice of a timeout: how often a side is suspected that lives. A pair under load runs on
 * this host together with a process for each core that does nothing but count, timeout after timeout; each
 * suspicion there is a false one.
 *
 *   deno run -A tests/campaigns/suspicion.ts --minutes 10 --timeouts 100,200,500,1000 --spinners 2
 *
 * The heartbeat is what follows from the timeout, a tenth, or `--heartbeat MS` for all. Prints a table; the figures
 * are as much of the host as of the program. Ends with code 1 only if a side ends that nobody suspected.
 */
import { parseArgs } from "node:util";
import { LedgerClient } from "../../demo/ledger_client.ts";
import { Pair } from "../../demo/pair_processes.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    timeouts: { type: "string", default: "100,200,500,1000" },
    heartbeat: { type: "string" },
    spinners: { type: "string", default: `${navigator.hardwareConcurrency}` },
  },
});
const minutes = Number(values.minutes);
const timeoutsMs = values.timeouts.split(",").map(Number);
const LOOK_MS = 50;

/** What one timeout came to. */
interface Outcome {
  readonly pairs: number;
  /** What each suspicion said of its silence, in milliseconds. */
  readonly silencesMs: readonly number[];
  /** For how long pairs were protected, in milliseconds. */
  readonly protectedMs: number;
  readonly answered: number;
}

const spinners = Array.from(
  { length: Number(values.spinners) },
  () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", "for (;;);"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn(),
);
try {
  console.log(
    `${spinners.length} processes that count, ${navigator.hardwareConcurrency} cores, ` +
      `${minutes} minutes each; kernel ${Deno.osRelease()}, ${new Date().toISOString()}\n`,
  );
  console.log("| timeout | heartbeat | protected | false suspicions | an hour | silences |");
  console.log("| ------- | --------- | --------- | ---------------- | ------- | -------- |");
  for (const timeoutMs of timeoutsMs) {
    const heartbeatMs = Number(values.heartbeat ?? Math.ceil(timeoutMs / 10));
    report(timeoutMs, heartbeatMs, await endure(timeoutMs, heartbeatMs));
  }
} finally {
  for (const spinner of spinners) spinner.kill("SIGKILL");
  await Promise.all(spinners.map(({ status }) => status));
}

/** Runs pairs, a new one after each suspicion, until they have been protected for long enough. */
async function endure(timeoutMs: number, heartbeatMs: number): Promise<Outcome> {
  const silencesMs: number[] = [];
  let [pairs, protectedMs, answered] = [0, 0, 0];
  while (protectedMs < minutes * 60_000) {
    pairs++;
    await using pair = Pair.start({
      primary: { args: ["--timeout", `${timeoutMs}ms`, "--heartbeat", `${heartbeatMs}ms`] },
    });
    const { primary, backup } = pair;
    await primary.saying(/: protected: /);
    const startMs = performance.now();
    await using client = new LedgerClient(pair.consoles);
    const silenceMs = await suspicion(pair, minutes * 60_000 - protectedMs);
    protectedMs += performance.now() - startMs;
    answered += client.answered;
    if (silenceMs !== undefined) silencesMs.push(silenceMs);
    else if (primary.exit ?? backup.exit) {
      console.error(`a side ended that nobody suspected:\n${primary.text}\n${backup.text}`);
      Deno.exitCode = 1;
    }
  }
  return { pairs, silencesMs, protectedMs, answered };
}

/** Waits until one side suspects the other, or a side ends, for `forMs` at most. */
async function suspicion({ primary, backup }: Pair, forMs: number): Promise<number | undefined> {
  for (const endMs = performance.now() + forMs; performance.now() < endMs;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const isOver = primary.exit !== undefined || backup.exit !== undefined;
    const [, silenceMs] = `${primary.text}\n${backup.text}`.match(/nothing heard for (\d+) ms/) ??
      [];
    if (silenceMs !== undefined) return Number(silenceMs);
    if (isOver) return undefined;
  }
  return undefined;
}

function report(timeoutMs: number, heartbeatMs: number, outcome: Outcome): void {
  const { silencesMs, protectedMs, pairs, answered } = outcome;
  const anHour = silencesMs.length / protectedMs * 3_600_000;
  const shown = silencesMs.slice(0, 8).join(", ") + (silencesMs.length > 8 ? ", ..." : "");
  console.log(
    `| ${timeoutMs} ms | ${heartbeatMs} ms | ${(protectedMs / 1000).toFixed(0)} s | ` +
      `${silencesMs.length} | ${anHour.toFixed(1)} | ${shown || "none"} |`,
  );
  console.error(`  ${pairs} pairs, ${answered} requests answered`);
}
