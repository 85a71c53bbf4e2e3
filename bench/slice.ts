/**
 * What protection costs a guest that computes without exits (guests/spin): its rounds a second with a backup on
 * this same host against those without, by the size of its working set and by the slice; and how long an answer of
 * the protected guest takes: from its question's being typed to its line's being shown.
 *
 *   deno run -A bench/slice.ts [--json] [--runs 3] [--seconds 2] [--sets 64K,1M,8M,32M] [--slices 5,20,100]
 *
 * All of the working set is written in each slice, as far as there is time: with each slice all of it is logged,
 * and the first write to each page afterwards is a fault. What is left of the guest's speed is what a longer slice
 * buys; what it costs is the wait of interrupts and input, which come in between two slices.
 */
import { parseArgs } from "node:util";
import { ConsoleClient } from "../sinks/console_client.ts";
import { summarize } from "./compare.ts";
import { type RunningMachine, startProtected, startUnprotected } from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    sets: { type: "string", default: "64K,1M,8M,32M" },
    slices: { type: "string", default: "5,20,100" },
  },
});
const runs = Number(values.runs);

/** One cell of the table. */
interface Cell {
  readonly workingSet: string;
  readonly sliceMs: number;
  /** Rounds a second: medians. */
  readonly protectedRate: number;
  readonly aloneRate: number;
  readonly ratio: number;
  /** Log bytes a second. */
  readonly logRate: number;
  /** How long an answer took, protected, in milliseconds. */
  readonly answerMs: { readonly p50: number; readonly p95: number };
}

/** One run. */
interface Run {
  readonly rate: number;
  readonly log: number;
  /** From each question to its answer, in milliseconds. */
  readonly waitsMs: readonly number[];
}

/** Between an answer and the next question. */
const PAUSE_MS = 20;

/** A guest's rounds a second by the clock on the wall, and the bytes of log that they took. */
async function measure(starting: Promise<RunningMachine>): Promise<Run> {
  await using machine = await starting;
  using client = new ConsoleClient(machine.console, { input: true, have: 0 });
  const waitsMs: number[] = [];
  let askedMs: number | undefined;
  const ask = () => {
    askedMs = performance.now();
    client.write(new TextEncoder().encode("?\n")).catch(() => {});
  };
  let startMs: number | undefined;
  let log = 0;
  const ticker = setInterval(async () => {
    log = (await machine.primary.status().catch(() => undefined))?.log.bytes ?? log;
  }, 200);
  let text = "";
  try {
    for await (const { bytes } of client.outputs()) {
      startMs ??= performance.now();
      text += new TextDecoder().decode(bytes);
      if (!text.endsWith("\n") || text.includes("result ")) continue;
      // Its first line says that it takes questions, and each further one is an answer.
      if (askedMs !== undefined) waitsMs.push(performance.now() - askedMs);
      askedMs = undefined;
      setTimeout(ask, PAUSE_MS);
    }
  } finally {
    clearInterval(ticker);
  }
  const seconds = (performance.now() - startMs!) / 1000;
  const rounds = Number(text.match(/^result rounds (\d+)/m)?.[1]);
  if (!(rounds > 0)) throw new Error(`the guest said ${text}`);
  return { rate: rounds / seconds, log: log / seconds, waitsMs };
}

function start(workingSet: string, sliceMs: number) {
  const commandLine = `working-set=${workingSet} seconds=${values.seconds}`;
  const args = ["--cmdline", commandLine, "--slice", `${sliceMs}ms`];
  return { guest: "spin", args, isApart: false };
}

async function median(what: () => Promise<Run>) {
  const found = [];
  for (let run = 0; run < runs; run++) found.push(await what());
  return {
    rate: summarize(found.map(({ rate }) => rate)).median,
    log: summarize(found.map(({ log }) => log)).median,
    waitsMs: found.flatMap(({ waitsMs }) => waitsMs).sort((one, other) => one - other),
  };
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

const cells: Cell[] = [];
for (const workingSet of values.sets.split(",")) {
  for (const sliceMs of values.slices.split(",").map(Number)) {
    const alone = await median(() => measure(startUnprotected(start(workingSet, sliceMs))));
    const followed = await median(() => measure(startProtected(start(workingSet, sliceMs))));
    const cell = {
      workingSet,
      sliceMs,
      protectedRate: followed.rate,
      aloneRate: alone.rate,
      ratio: followed.rate / alone.rate,
      logRate: followed.log,
      answerMs: { p50: at(followed.waitsMs, 0.5), p95: at(followed.waitsMs, 0.95) },
    };
    cells.push(cell);
    if (values.json) continue;
    console.log(
      `working set ${workingSet.padStart(4)}, slice ${String(sliceMs).padStart(3)} ms: ` +
        `${followed.rate.toFixed(0).padStart(7)} rounds/s, alone ${
          alone.rate.toFixed(0).padStart(7)
        }, ` +
        `ratio ${cell.ratio.toFixed(2)}, log ${(followed.log / 2 ** 20).toFixed(1)} MiB/s, ` +
        `answers after ${cell.answerMs.p50.toFixed(0)} ms (p50), ${
          cell.answerMs.p95.toFixed(0)
        } ms (p95)`,
    );
  }
}
if (values.json) console.log(JSON.stringify(cells, null, 2));
