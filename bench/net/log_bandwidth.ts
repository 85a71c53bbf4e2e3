/**
 * How much log a rate of requests makes, beside what the requests and answers take on the network themselves.
 *
 * VMware's figures for its FT (Scales et al. 2010, table 1; Mbit/s): idle 0.5 to 1.5, kernel compile 3, SPECjbb 1.4,
 * MS SQL Server 18.
 */
import { type Comparison, summarize } from "../compare.ts";
import { type Load, requestsPerSecond } from "./clients.ts";
import type { Effort } from "./main.ts";
import { type KvMachine, startProtected } from "./machines.ts";

const LOADS: readonly Load[] = [
  { test: "get", pipeline: 1, requests: 12_000 },
  { test: "set", pipeline: 1, requests: 12_000 },
  { test: "set", pipeline: 1, requests: 12_000, valueBytes: 1000 },
  { test: "get", pipeline: 16, requests: 60_000 },
  { test: "set", pipeline: 16, requests: 60_000 },
];

/** See the top of the file: for each load the log's bandwidth, against the machine's on the network. */
export async function logBandwidth({ pairs, seconds }: Effort): Promise<Comparison[]> {
  await using machine = await startProtected();
  const idle = await bandwidths(machine, () => pause(1000 * seconds));
  console.log(`kv, idle: ${idle.log.toFixed(3)} Mbit/s of log (VMware FT: 0.5 to 1.5)`);
  const found: Comparison[] = [];
  for (const load of LOADS) {
    const runs: { log: number; network: number; rate: number }[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      let rate = 0;
      const both = await bandwidths(machine, async () => {
        const requests = load.requests * seconds;
        rate = await requestsPerSecond(machine.lab, { ...load, requests });
      });
      runs.push({ ...both, rate });
    }
    const { median } = summarize(runs.map(({ rate }) => rate));
    const values = `values of ${load.valueBytes ?? 3} bytes`;
    const what = `${load.test.toUpperCase()} at pipeline ${load.pipeline}, ${values}`;
    found.push({
      name: `kv, log of ${what}, ${median.toFixed(0)} requests/s, and the network's own traffic`,
      unit: "Mbit/s",
      ours: summarize(runs.map(({ log }) => log)),
      peer: summarize(runs.map(({ network }) => network)),
      ratio: summarize(runs.map(({ log, network }) => log / network)),
      aim: "none",
    });
  }
  return found;
}

async function bandwidths(
  { lab, primary }: KvMachine,
  work: () => Promise<unknown>,
): Promise<{ log: number; network: number }> {
  const logBytes = async () => (await primary!.status()).log.bytes;
  const networkBytes = () =>
    lab.on("host0", () => {
      const [, statistics] = Deno.readTextFileSync("/proc/thread-self/net/dev").match(/tap0:(.*)/)!;
      const fields = statistics!.trim().split(/\s+/).map(Number);
      return fields[0]! + fields[8]!;
    });
  const [log, network, startMs] = [await logBytes(), networkBytes(), performance.now()];
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  const mbits = (bytes: number) => bytes * 8 / 1e6 / seconds;
  return { log: mbits(await logBytes() - log), network: mbits(networkBytes() - network) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
