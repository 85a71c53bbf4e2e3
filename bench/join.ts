/**
 * What a join costs a machine that runs: how long its guest stands still, in how many rounds, and how fast its memory
 * moves, against what Deno pushes through a loopback connection by itself.
 *
 *   deno task bench:join [--json] [--joins 20] [--memory 256M] [--guest spin] [--link 1gbit]
 *
 * One primary, and one backup after the other: each joins under load, is killed, and the next one comes. The stop
 * is what the recorder measures, from the moment at which it knows that it is to stop until the guest may go on.
 * Right after each join as many bytes, in pieces as large as the transfer's frames, are pushed from one thread to
 * another, which reads them and looks at nothing: the peer. `spin` computes all the time and writes all of its
 * working set of 32 MiB, `stress` makes an exit every few microseconds and writes little. With `--link` all that goes
 * over a loopback of that rate, in a network of its own: root only.
 */
import { parseArgs } from "node:util";
import { Pair } from "../demo/pair_processes.ts";
import { summarize, type Summary } from "./compare.ts";
import { inLimitedNetwork } from "./limited_network.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    joins: { type: "string", default: "20" },
    memory: { type: "string", default: "256M" },
    guest: { type: "string" },
    link: { type: "string" },
  },
});

/** Guests, and what they are told. Forever: the joins end it. */
const LOADS: Readonly<Record<string, { readonly guest: string; readonly commandLine: string }>> = {
  stress: { guest: "stress", commandLine: "1 1000000000" },
  spin: { guest: "spin", commandLine: "working-set=32M seconds=100000" },
};
/** The size of a frame with as many pages as one has. */
const FRAME_BYTES = 60 * 4100;
const AIM = { stopMs: 30, ratio: 0.6 } as const;

/** One join. */
interface Join {
  readonly stopMs: number;
  readonly rounds: number;
  readonly contentBytes: number;
  readonly wireBytes: number;
  readonly movingMs: number;
  /** What the peer pushed right after it, in bytes a second. */
  readonly pushed: number;
}

/** What the joins of a guest came to. */
interface Report {
  readonly guest: string;
  readonly joins: number;
  readonly stopMs: { readonly p50: number; readonly p95: number; readonly max: number };
  readonly rounds: Summary;
  /** Bytes a second: of guest memory, of frames, and of the peer. */
  readonly content: Summary;
  readonly wire: Summary;
  readonly peer: Summary;
  /** Frames against the peer, join by join. */
  readonly ratio: Summary;
}

async function measure(name: string, joins: number): Promise<Report> {
  const { guest, commandLine } = LOADS[name]!;
  const args = ["--memory", values.memory];
  await using pair = Pair.start({ guest, commandLine, requireBackup: false, primary: { args } });
  const found: Join[] = [];
  // The first one warms up, and does not count.
  for (let join = 0; join <= joins; join++) {
    await pair.backup.saying(/joined in/);
    const figures = await pair.primary.having(
      ({ transfer }) => (transfer as { movingMs: number | null }).movingMs !== null,
      "all pages applied",
    );
    const { stopMs, round, sentBytes, wireBytes, movingMs } = figures.transfer as Record<
      "stopMs" | "round" | "sentBytes" | "wireBytes" | "movingMs",
      number
    >;
    await pair.backup.kill();
    const pushed = await push(Math.max(wireBytes, 32 << 20));
    const sizes = { contentBytes: sentBytes, wireBytes };
    if (join > 0) found.push({ stopMs, rounds: round + 1, ...sizes, movingMs, pushed });
    if (join < joins) pair.startBackup();
  }
  return reportOf(name, found);
}

function reportOf(guest: string, found: readonly Join[]): Report {
  const stops = found.map(({ stopMs }) => stopMs).sort((one, other) => one - other);
  const at = (share: number) => stops[Math.max(0, Math.ceil(share * stops.length) - 1)]!;
  const rate = (bytes: number, { movingMs }: Join) => bytes / movingMs * 1000;
  return {
    guest,
    joins: found.length,
    stopMs: { p50: at(0.5), p95: at(0.95), max: stops.at(-1)! },
    rounds: summarize(found.map(({ rounds }) => rounds)),
    content: summarize(found.map((join) => rate(join.contentBytes, join))),
    wire: summarize(found.map((join) => rate(join.wireBytes, join))),
    peer: summarize(found.map(({ pushed }) => pushed)),
    ratio: summarize(found.map((join) => rate(join.wireBytes, join) / join.pushed)),
  };
}

/** Pushes so many bytes to another thread over loopback; returns bytes a second, the last one read. */
async function push(bytes: number): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const worker = new Worker(new URL("./join_peer.ts", import.meta.url), { type: "module" });
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  worker.postMessage(listener.addr.port);
  using connection = await listener.accept();
  const frame = new Uint8Array(FRAME_BYTES);
  const startMs = performance.now();
  let sent = 0;
  for (; sent < bytes; sent += frame.length) {
    for (let at = 0; at < frame.length;) at += await connection.write(frame.subarray(at));
  }
  await connection.closeWrite();
  await promise;
  const seconds = (performance.now() - startMs) / 1000;
  worker.terminate();
  return sent / seconds;
}

function show({ guest, joins, stopMs, rounds, content, wire, peer, ratio }: Report): void {
  const ms = (value: number) => value.toFixed(1);
  const mb = ({ median, min, max }: Summary) =>
    `${[median, min, max].map((value) => (value / 1e6).toFixed(0)).join(", ")} MB/s`;
  console.log(`${guest}, ${values.memory}, ${joins} joins under load (median, least, most):`);
  console.log(
    `  the guest's stop: p50 ${ms(stopMs.p50)} ms, p95 ${ms(stopMs.p95)} ms, most ${
      ms(stopMs.max)
    } ms ` +
      `(aim: p95 under ${AIM.stopMs} ms)`,
  );
  console.log(`  rounds: ${rounds.median}, ${rounds.min}, ${rounds.max}`);
  console.log(`  guest memory: ${mb(content)}; frames: ${mb(wire)}; Deno alone: ${mb(peer)}`);
  console.log(
    `  frames against Deno alone: ${
      [ratio.median, ratio.min, ratio.max].map((r) => r.toFixed(2))
    } ` +
      `(aim: at least ${AIM.ratio})`,
  );
}

if (values.link !== undefined) {
  const { link, json, guest, ...others } = values;
  const args = Object.entries(others).flatMap(([name, value]) => [`--${name}`, value]);
  if (json) args.push("--json");
  else console.log(`over a loopback of ${link}:`);
  if (guest !== undefined) args.push("--guest", guest);
  Deno.exit(await inLimitedNetwork(link, args));
}
const names = values.guest === undefined ? Object.keys(LOADS) : [values.guest];
const reports: Report[] = [];
for (const name of names) {
  const report = await measure(name, Number(values.joins));
  reports.push(report);
  if (!values.json) show(report);
}
if (values.json) console.log(JSON.stringify(reports, null, 2));
