/**
 * The campaign behind "who has no certificate changes nothing": floods the port of a pair's primary with connections of
 * every kind that never finish their handshake, and shows what that costs the primary. Each kind meets a fresh pair.
 *
 *   deno run -A tests/campaigns/flood.ts --connections 1000 [--port log|status|console]
 *
 * Ends with code 1 if the primary's memory grows by 50 MB or more above what it has idle, if the pair loses its
 * protection or the machine its generation, or if a stranger is told anything. (What a flood leaves behind is collected
 * when the process next sees a need for it: the memory does not come back at once.)
 */
import { parseArgs } from "node:util";
import { Pair } from "../../demo/pair_processes.ts";
import { parseAddress } from "../../link/address.ts";
import { Flood, type StrangerKind, STRANGERS } from "../../link/flood_test_support.ts";
import { generateKeys } from "../../link/keygen.ts";
import { PATIENT_MS } from "../support/pair_hosts.ts";
import { ScratchDirectory } from "../support/run_command.ts";

/** What a flood may cost, in bytes. */
const LIMIT_BYTES = 50e6;
/** The memory of a process that has just started is still growing. */
const SETTLE_MS = 5000;

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "1000" },
    port: { type: "string", default: "log" },
  },
});
const connections = Number(values.connections);

using scratch = new ScratchDirectory();
const folder = scratch.file("keys");
const { folders } = await generateKeys({ folder, hosts: ["a", "b"], days: 1 });

let isGood = true;
for (const kind of STRANGERS) isGood = await flooded(kind) && isGood;
Deno.exitCode = isGood ? 0 : 1;

/** One flood of a fresh pair; whether it did no harm. */
async function flooded(kind: StrangerKind): Promise<boolean> {
  await using pair = Pair.start({
    keys: [folders[0]!, folders[1]!],
    primary: { args: ["--timeout", `${PATIENT_MS}ms`] },
  });
  const { primary } = pair;
  await primary.protected();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const idleBytes = residentBytes(primary.pid);
  let mostBytes = 0;
  const look = () => mostBytes = Math.max(mostBytes, residentBytes(primary.pid));
  const ticker = setInterval(look, 10);
  const address = parseAddress(await portOf(pair));
  const startMs = performance.now();
  using flood = await Flood.open(kind, connections, address, pair.security.keys!, "127.0.0.2");
  const seconds = (performance.now() - startMs) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  clearInterval(ticker);
  const { protected: isProtected, generation } = await primary.status();
  console.log(
    `${connections} connections in ${seconds.toFixed(1)} s that ${kind}: ` +
      `${megabytes(mostBytes - idleBytes)} above the idle ${megabytes(idleBytes)}; ` +
      `${flood.closed} closed by now; told ${flood.receivedBytes} bytes; ` +
      `${isProtected ? "" : "not "}protected, generation ${generation}`,
  );
  const isSmall = mostBytes - idleBytes < LIMIT_BYTES;
  return isSmall && isProtected && generation === 1 && flood.receivedBytes === 0;
}

/** Where the primary listens for what is to be flooded. */
async function portOf({ primary, consoles }: Pair): Promise<string> {
  if (values.port === "console") return consoles.split(",")[0]!;
  const said = values.port === "status"
    ? /status at https:\/\/(\S+)\/status/
    : /a backup can join at (\S+)/;
  return (await primary.saying(said))[1]!;
}

/** What a process has in memory. */
function residentBytes(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(text.match(/VmRSS:\s+(\d+) kB/)![1]) * 1024;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
