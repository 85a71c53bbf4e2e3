/**
 * The campaign behind "bad bytes do no harm": ten million messages, valid, altered and random, to the decoders and
 * protocols of the logging channel, of the console and of the log file, in this process.
 *
 *   deno task campaign:wire --messages 10000000 --seed 1
 *   deno task campaign:wire --seed 1 --episode 4711    # that one again
 *
 * Ends with code 1 at the first fault, which it makes smaller and shows in hex; at a step that never comes back; and
 * when memory grows.
 */
import { parseArgs } from "node:util";
import { fuzzWire } from "../support/wire_fuzz.ts";
import { WireWatch } from "../support/wire_watch.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "10000000" },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
    episode: { type: "string" },
  },
});
const seed = Number(values.seed);
const messages = values.episode === undefined ? Number(values.messages) : 1;
const first = Number(values.episode ?? 0);

/** Memory is looked at so many times. */
const SAMPLES = 40;
/**
 * What the median of a quarter of the samples may be above that of the quarter that ended half a run before: of what
 * the heap has in use, and of resident memory, whose single samples swing by 40 MiB with the buffers that wait for
 * their collection. 10 MiB in 5 million messages are two bytes a message.
 */
const GROWTH_BYTES = 10 * 2 ** 20;

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const count = (number: number) => number.toLocaleString("en");
const isTerminal = Deno.stdout.isTerminal();
const startedAt = performance.now();
const seconds = () => (performance.now() - startedAt) / 1000;

/** Resident memory with nothing left to collect. */
function resident(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().rss;
}

const residentAtStart = resident();
const samples: number[] = [];
const usedBytes: number[] = [];
console.log(`wire: ${count(messages)} messages, seed ${seed}`);
try {
  using watch = new WireWatch(seed);
  const { episodes, tally, byTarget } = await fuzzWire({
    seed,
    messages,
    first,
    progress: (episode, tally) => {
      watch.alive(episode);
      if (tally.messages < (samples.length + 1) * messages / SAMPLES) return;
      samples.push(resident());
      usedBytes.push(Deno.memoryUsage().heapUsed);
      if (isTerminal) showProgress(tally.messages);
    },
  });
  if (isTerminal) console.log();
  const rate = tally.messages / seconds();
  console.log(
    `${count(tally.messages)} messages (${mib(tally.bytes)}) in ${count(episodes)} episodes, ` +
      `${seconds().toFixed(0)} s, ${count(Math.round(rate))} a second; ${
        count(tally.accepted)
      } whole ` +
      `ones taken in`,
  );
  for (const [name, number] of byTarget) console.log(`  to the ${name}: ${count(number)}`);
  console.log("refused:");
  for (const [kind, number] of [...tally.refused].sort()) {
    console.log(`  ${kind}: ${count(number)}`);
  }
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  console.error(`repeat with --seed ${seed} --episode N`);
  Deno.exit(1);
}

const [residentBefore, residentAfter] = quarters(samples);
const [heapBefore, heapAfter] = quarters(usedBytes);
console.log(
  `resident memory: ${mib(residentAtStart)} before, ${
    mib(residentBefore)
  } in the second quarter, ` +
    `${mib(residentAfter)} in the last (medians), ${
      mib(Math.max(...samples))
    } at most; in use by the ` +
    `heap, once collected: ${mib(heapBefore)} and ${mib(heapAfter)}`,
);
const grows = residentAfter - residentBefore > GROWTH_BYTES ||
  heapAfter - heapBefore > GROWTH_BYTES;
if (values.episode === undefined && grows) {
  console.error("memory grows");
  Deno.exit(1);
}
Deno.exit(0);

/** The medians of the second and of the last quarter. */
function quarters(values: readonly number[]): [number, number] {
  const quarter = Math.floor(values.length / 4);
  return [median(values.slice(quarter, 2 * quarter)), median(values.slice(-quarter))];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function showProgress(done: number): void {
  const share = Math.min(1, done / messages);
  const bar = "#".repeat(Math.round(30 * share)).padEnd(30, ".");
  const rate = count(Math.round(done / seconds()));
  const text = `\r[${bar}] ${(100 * share).toFixed(0)} %, ${rate} a second, ${
    mib(samples.at(-1)!)
  }`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
