/**
 * How long the backup's acknowledgement of a frame takes, in a live pair on loopback under a client that asks
 * and waits, against bare TCP ping-pongs between two Deno processes with messages of the same sizes:
 *
 * - beside the pair, as often as it sends frames: what this host, as busy as it is, makes of two processes that
 *   talk to each other;
 * - back to back, with the host to itself: the least that there is.
 *
 *   deno run -A bench/ack_latency.ts [--json] [--apart] [--pairs 5] [--seconds 3]
 *
 * With `--apart` the primary and who pings have one core, the backup, the client and who echoes another one.
 *
 * From the primary's own figures (`ackLatencyMs` at its status address). The aim is a p50 within 2 times.
 */
import { parseArgs } from "node:util";
import { frameOf } from "../protocol/wire.ts";
import { type Comparison, report, summarize } from "./compare.ts";
import { Core, place } from "./cores.ts";
import { LedgerLoad, startProtected } from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    apart: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
  },
});
const isApart = values.apart;
place(Deno.pid, Core.backup, isApart);
const durationMs = Number(values.seconds) * 1000;

const ACK = { type: "ack", received: 0, replayed: 0, point: 0, echoMs: 0 } as const;
/** Of some thousand. */
const ackBytes = frameOf(ACK, 1, 1000).length;
/** Of a log frame with a line's events, in the middle of a chain. */
const frameBytes = 36;
const message = "x".repeat(frameBytes);
const LOOPBACK = "127.0.0.1";
/** About as often as a client that waits for each answer has the primary send a frame. */
const intervalMs = 3;

/** In microseconds. */
interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

/** Acks of a live pair, and round trips of pings beside it. */
async function beside(): Promise<{ acks: Percentiles; pings: Percentiles }> {
  await using machine = await startProtected({ guest: "ledger", isApart });
  using load = new LedgerLoad(machine.console, 1);
  await load.rate(1000);
  const [pings] = await Promise.all([pingPong(intervalMs), load.rate(durationMs)]);
  const { ackLatencyMs } = await machine.primary.status();
  const { p50, p95 } = ackLatencyMs as Percentiles;
  return { acks: { p50: p50 * 1000, p95: p95 * 1000 }, pings };
}

async function pingPong(intervalMs: number): Promise<Percentiles> {
  const run = (...args: (string | number)[]) => {
    const script = new URL("./ping_pong.ts", import.meta.url).pathname;
    const all = ["run", "--quiet", "--allow-net", script, ...args.map(String)];
    return new Deno.Command(Deno.execPath(), { args: all, stdout: "piped" }).spawn();
  };
  const echo = run("echo", LOOPBACK, frameBytes, ackBytes);
  const port = await firstLine(echo.stdout);
  const ping = run("ping", LOOPBACK, port, message, ackBytes, intervalMs, durationMs);
  place(echo.pid, Core.backup, isApart);
  place(ping.pid, Core.primary, isApart);
  const { stdout } = await ping.output();
  await echo.status;
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text.trim();
}

function comparison(name: string, ours: number[], peer: number[], aim: string): Comparison {
  const ratio = summarize(ours.map((value, index) => value / peer[index]!));
  return { name, unit: "us", ours: summarize(ours), peer: summarize(peer), ratio, aim };
}

const runs: { acks: Percentiles; pings: Percentiles; bare: Percentiles }[] = [];
for (let pair = 0; pair < Number(values.pairs); pair++) {
  runs.push({ ...await beside(), bare: await pingPong(0) });
}
const acks = (share: keyof Percentiles) => runs.map((run) => run.acks[share]);
const pings = (share: keyof Percentiles) => runs.map((run) => run.pings[share]);
const bare = runs.map((run) => run.bare.p50);
if (!values.json) console.log(`log frames of ${frameBytes} bytes, acks of ${ackBytes}`);
report([
  comparison("ack latency, p50, and pings beside", acks("p50"), pings("p50"), "at most 2"),
  comparison("ack latency, p95, and pings beside", acks("p95"), pings("p95"), "none"),
  comparison("ack latency, p50, and pings back to back alone", acks("p50"), bare, "none"),
], values.json);
