/**
 * What TLS costs: a pair with keys against the same pair in the clear, on this same host. `ledger`: requests answered
 * a second by a pipelined client, and how long the backup's acknowledgement of a frame takes under that load.
 * Then a connection by itself: state transfers' large frames, in bytes a second.
 *
 *   deno run -A bench/tls.ts [--json] [--apart] [--pairs 5] [--seconds 3]
 *
 * With `--apart` the primary has one core, the backup and the client another one. Only the logging channel, the console
 * and the status port are within TLS: the guest and the protocol are the same.
 */
import { parseArgs } from "node:util";
import type { Pair } from "../demo/pair_processes.ts";
import { parseAddress } from "../link/address.ts";
import { connectStream } from "../link/connect.ts";
import { openDoor } from "../link/door.ts";
import { generateKeys } from "../link/keygen.ts";
import { loadKeys } from "../link/keys.ts";
import { Security } from "../link/security.ts";
import { compareAll, type Comparison, report } from "./compare.ts";
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

/** Bytes a second from one end of a connection to the other, both in this process. */
async function transfer(security: Security) {
  const door = openDoor(parseAddress("127.0.0.1:0"), { security });
  const [client, server] = await Promise.all([
    connectStream(parseAddress(door.address), { security }),
    door.accept(),
  ]);
  const startMs = performance.now();
  const frame = new Uint8Array(frameBytes);
  const sending = (async () => {
    for (let count = 0; count < frameCount; count++) {
      for (let at = 0; at < frameBytes;) at += await client.write(frame.subarray(at));
    }
  })();
  const buffer = new Uint8Array(frameBytes);
  for (let left = frameCount * frameBytes; left > 0;) left -= await server!.read(buffer) ?? left;
  await sending;
  const seconds = (performance.now() - startMs) / 1000;
  for (const end of [client, server!, door]) end.close();
  return { rate: frameCount * frameBytes / 1e6 / seconds };
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
const transferFigures = {
  rate: {
    name: "1 MiB frames over one connection within TLS, and in the clear",
    unit: "MB/s",
    aim: "none",
  },
};
try {
  const security = new Security(loadKeys(folders[0]!));
  const comparisons: Comparison[] = [
    ...await compareAll(ledgerFigures, pairs, () => ledger(keys), () => ledger()),
    ...await compareAll(
      transferFigures,
      pairs,
      () => transfer(security),
      () => transfer(Security.loopback),
    ),
  ];
  report(comparisons, values.json);
} finally {
  Deno.removeSync(folder, { recursive: true });
}
