/**
 * What TLS costs: a pair with keys against the same pair in the clear, on this same host. `ledger`: requests answered
 * a second by a pipelined client, and how long the backup's acknowledgement of a frame takes under that load.
 * Then a connection by itself, both ends in this process: state transfers' large frames, in bytes a second, and small
 * messages there and back; against the clear, and against node:tls without any of ours around it.
 *
 *   deno run -A bench/tls.ts [--json] [--apart] [--pairs 5] [--seconds 3]
 *
 * With `--apart` the primary has one core, the backup and the client another one. Only the logging channel, the console
 * and the status port are within TLS: the guest and the protocol are the same.
 */
import { parseArgs } from "node:util";
import type { Pair } from "../demo/pair_processes.ts";
import { generateKeys } from "../link/keygen.ts";
import { loadKeys } from "../link/keys.ts";
import { Security } from "../link/security.ts";
import { compareAll, type Comparison, report, summarize } from "./compare.ts";
import { bareTlsEnds, type Ends, ownEnds } from "./connections.ts";
import { Core, place } from "./cores.ts";
import { LedgerLoad, startProtected } from "./sides.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    apart: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    depth: { type: "string", default: "16" },
  },
});
const pairs = Number(values.pairs);
const isApart = values.apart;
const where = isApart ? ", a core a side" : "";
place(Deno.pid, Core.backup, isApart);

const folder = Deno.makeTempDirSync({ prefix: "understudy-bench-" });
const { folders } = await generateKeys({ folder, hosts: ["a", "b"], days: 1 });
const keys: Pair["options"]["keys"] = [folders[0]!, folders[1]!];

/** Answers a second, and the median of the ack latency in microseconds. */
async function ledger(keys?: Pair["options"]["keys"]) {
  await using machine = await startProtected({ guest: "ledger", isApart }, keys);
  const security = Security.from({ keys: keys?.[0] });
  using load = new LedgerLoad(machine.console, Number(values.depth), security);
  await load.rate(1000);
  const answers = await load.rate(Number(values.seconds) * 1000);
  const { ackLatencyMs } = await machine.primary.status();
  return { answers, latency: (ackLatencyMs as { p50: number }).p50 * 1000 };
}

const frameBytes = 1 << 20;
const frameCount = 100;
const roundTrips = 5000;
/** About a log frame, and its acknowledgement. */
const messageBytes = 120;

/** Bytes a second from one end of a connection to the other, and the median of a round trip in microseconds. */
async function alone(making: Promise<Ends>) {
  using ends = await making;
  return { rate: await transfer(ends), roundTrip: await roundTrip(ends) };
}

async function transfer({ client, server }: Ends): Promise<number> {
  const startMs = performance.now();
  const received = server.receive(frameCount * frameBytes);
  const frame = new Uint8Array(frameBytes);
  for (let count = 0; count < frameCount; count++) await client.send(frame);
  await received;
  return frameCount * frameBytes / 1e3 / (performance.now() - startMs);
}

async function roundTrip({ client, server }: Ends): Promise<number> {
  const message = new Uint8Array(messageBytes);
  const samples: number[] = [];
  for (let count = 0; count < roundTrips; count++) {
    const startMs = performance.now();
    const back = client.receive(messageBytes);
    const there = server.receive(messageBytes).then(() => server.send(message));
    await client.send(message);
    await Promise.all([there, back]);
    samples.push((performance.now() - startMs) * 1000);
  }
  return summarize(samples).median;
}

const ledgerFigures = {
  answers: {
    name: `ledger, answers within TLS${where}, and in the clear`,
    unit: "/s",
    aim: "none",
  },
  latency: {
    name: `ack latency, p50, within TLS${where}, and in the clear`,
    unit: "us",
    aim: "none",
  },
};
const aloneFigures = (other: string) => ({
  rate: {
    name: `1 MiB frames over one connection within TLS, and ${other}`,
    unit: "MB/s",
    aim: "none",
  },
  roundTrip: {
    name: `${messageBytes} bytes there and back within TLS, p50, and ${other}`,
    unit: "us",
    aim: "none",
  },
});
try {
  const security = new Security(loadKeys(folders[0]!));
  const own = () => alone(ownEnds(security));
  const clear = () => alone(ownEnds(Security.loopback));
  const bare = () => alone(bareTlsEnds(security.keys!));
  const comparisons: Comparison[] = [
    ...await compareAll(ledgerFigures, pairs, () => ledger(keys), () => ledger()),
    ...await compareAll(aloneFigures("in the clear"), pairs, own, clear),
    ...await compareAll(aloneFigures("by node:tls alone"), pairs, own, bare),
  ];
  report(comparisons, values.json);
} finally {
  Deno.removeSync(folder, { recursive: true });
}
