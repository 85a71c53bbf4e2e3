/**
 * How long the backup's acknowledgement of a frame takes, in a live pair on loopback under a client that asks
 * and waits, against a bare TCP ping-pong between two Deno processes with messages of the same sizes.
 *
 *   deno run -A bench/ack_latency.ts [--json] [--pairs 5] [--seconds 3]
 *
 * From the primary's own figures (`ackLatencyMs` at its status address). The aim is a p50 within 2 times.
 */
import { parseArgs } from "node:util";
import { HEADER_BYTES } from "../codec/codec.ts";
import { encodeMessage } from "../protocol/messages.ts";
import { compare, type Comparison, report } from "./compare.ts";
import { LedgerLoad, startProtected } from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
  },
});
const ms = Number(values.seconds) * 1000;

const ACK = encodeMessage({ type: "ack", received: 0, replayed: 0, point: 0, echoMs: 0 });
const ackBytes = HEADER_BYTES + ACK.length;
/** Of a log frame, as the last pair had them. */
let frameBytes = 120;

interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

/** Acks of a live pair, in microseconds. */
async function acks(): Promise<Percentiles> {
  await using machine = await startProtected("ledger");
  using load = new LedgerLoad(machine.console, 1);
  await load.rate(1000);
  const before = await machine.backup!.status();
  await load.rate(ms);
  const after = await machine.backup!.status();
  const log = (status: typeof after) => status.log as unknown as { bytes: number; frames: number };
  frameBytes = Math.round(
    (log(after).bytes - log(before).bytes) / (log(after).frames - log(before).frames),
  );
  const { ackLatencyMs } = await machine.primary.status();
  const { p50, p95 } = ackLatencyMs as Percentiles;
  return { p50: p50 * 1000, p95: p95 * 1000 };
}

/** Round trips of the bare ping-pong, in microseconds. */
async function pings(): Promise<Percentiles> {
  const script = new URL("./echo.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--allow-net", script, `${frameBytes}`, `${ackBytes}`];
  const echo = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const port = await firstLine(echo.stdout);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  connection.setNoDelay(true);
  const frame = new Uint8Array(frameBytes);
  const buffer = new Uint8Array(ackBytes);
  const samples: number[] = [];
  for (const endMs = performance.now() + ms; performance.now() < endMs;) {
    const startMs = performance.now();
    for (let at = 0; at < frame.length;) at += await connection.write(frame.subarray(at));
    for (let have = 0; have < ackBytes;) have += await connection.read(buffer) ?? ackBytes;
    samples.push((performance.now() - startMs) * 1000);
  }
  connection.close();
  await echo.status;
  const sorted = samples.slice(samples.length / 10).sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)]!;
  return { p50: at(0.5), p95: at(0.95) };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text.trim();
}

/** Both percentiles come of the same runs. */
async function measure(): Promise<Comparison[]> {
  const tails = { ours: [] as number[], peer: [] as number[] };
  const note = (whose: "ours" | "peer") => ({ p50, p95 }: Percentiles) => {
    tails[whose].push(p95);
    return p50;
  };
  const p50 = await compare(
    { name: "ack latency, p50", unit: "us", aim: "at most 2" },
    Number(values.pairs),
    () => acks().then(note("ours")),
    () => pings().then(note("peer")),
  );
  const next = (whose: "ours" | "peer") => () => Promise.resolve(tails[whose].shift()!);
  const p95 = await compare(
    { name: "ack latency, p95", unit: "us", aim: "none" },
    Number(values.pairs),
    next("ours"),
    next("peer"),
  );
  return [p50, p95];
}

const comparisons = await measure();
if (!values.json) console.log(`log frames of ${frameBytes} bytes, acks of ${ackBytes}`);
report(comparisons, values.json);
