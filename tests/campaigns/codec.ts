/**
 * The campaign behind "no stream does the codec harm": fifty million altered streams of log frames, through the WASM
 * build.
 *
 *   deno task campaign:codec --streams 50000000 --seed 1
 *   deno task campaign:codec --seed 1 --episode 4711    # that one again
 *
 * Ends with code 1 at the first fault, with its frames in hex.
 */
import { parseArgs } from "node:util";
import { wasmBytes } from "../../codec/wasm_memory.ts";
import { type CodecTally, fuzzCodec } from "../support/codec_fuzz.ts";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "50000000" },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
    episode: { type: "string" },
  },
});
const seed = Number(values.seed);
const streams = values.episode === undefined ? Number(values.streams) : 1;
const count = (number: number) => number.toLocaleString("en");
const isTerminal = Deno.stdout.isTerminal();
const startedAt = performance.now();
const seconds = () => (performance.now() - startedAt) / 1000;
// Most streams are refused, and nobody reads where.
Error.stackTraceLimit = 0;

console.log(`codec: ${count(streams)} streams, seed ${seed}`);
try {
  let shown = 0;
  const progress = (tally: CodecTally) => {
    if (!isTerminal || seconds() < shown + 1) return;
    shown = seconds();
    const share = Math.min(1, tally.streams / streams);
    const bar = "#".repeat(Math.round(30 * share)).padEnd(30, ".");
    const rate = count(Math.round(tally.streams / seconds()));
    Deno.stdout.writeSync(
      new TextEncoder().encode(`\r[${bar}] ${(100 * share).toFixed(0)} %, ${rate} a second `),
    );
  };
  const first = Number(values.episode ?? 0);
  const tally = fuzzCodec({ seed, streams, first, progress });
  if (isTerminal) console.log();
  const rate = count(Math.round(tally.streams / seconds()));
  const mib = (wasmBytes().length / 2 ** 20).toFixed(1);
  console.log(
    `${count(tally.streams)} streams, ${count(tally.bytes)} bytes, in ${
      seconds().toFixed(0)
    } s, ${rate} a second; ` +
      `${count(tally.read)} frames read; ${mib} MiB of WASM memory at the end`,
  );
  console.log("refused:");
  for (const [reason, number] of [...tally.refused].sort(([, one], [, other]) => other - one)) {
    console.log(`  ${reason}: ${count(number)}`);
  }
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  console.error(`repeat with --seed ${seed} --episode N`);
  Deno.exit(1);
}
