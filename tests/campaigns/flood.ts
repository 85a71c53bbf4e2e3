/**
 * The campaign behind "who has no certificate changes nothing": floods the ports of a pair's primary with connections
 * of every kind that never finish their handshake, under load, and shows what it costs the primary.
 *
 *   deno run -A tests/campaigns/flood.ts --connections 1000
 *
 * Ends with code 1 if the primary's memory grows by 50 MB or more above what it has idle, if the pair loses its
 * protection or the machine its generation, or if a stranger is told anything.
 */
import { parseArgs } from "node:util";
import { generateKeys } from "../../link/keygen.ts";
import { Pair } from "../../demo/pair_processes.ts";
import { parseAddress } from "../../link/address.ts";
import { Flood, STRANGERS } from "../../link/flood_test_support.ts";
import { loadKeys } from "../../link/keys.ts";
import { PATIENT_MS } from "../support/pair_hosts.ts";
import { ScratchDirectory } from "../support/run_command.ts";

/** What a flood may cost, in bytes. */
const LIMIT_BYTES = 50e6;

const { values } = parseArgs({ options: { connections: { type: "string", default: "1000" } } });
const connections = Number(values.connections);

using scratch = new ScratchDirectory();
const { folders } = await generateKeys({
  folder: scratch.file("keys"),
  hosts: ["a", "b"],
  days: 1,
});
await using pair = Pair.start({
  keys: folders as [string, string],
  primary: { args: ["--timeout", `${PATIENT_MS}ms`] },
});
await pair.primary.protected();
const [, log] = await pair.primary.saying(/a backup can join at (\S+)/);
const [, status] = await pair.primary.saying(/status at https:\/\/(\S+)\/status/);
const ports = { log, status, console: pair.consoles.split(",")[0] };
// The memory of a process that has just started is still growing.
await new Promise((resolve) => setTimeout(resolve, 5000));

let isGood = true;
const idleBytes = residentBytes();
console.log(`idle: ${megabytes(idleBytes)}`);
for (const [name, address] of Object.entries(ports)) {
  for (const kind of STRANGERS) {
    let mostBytes = 0;
    const ticker = setInterval(() => mostBytes = Math.max(mostBytes, residentBytes()), 10);
    const startMs = performance.now();
    using flood = await Flood.open(
      kind,
      connections,
      parseAddress(address!),
      loadKeys(folders[1]!),
      "127.0.0.2",
    );
    const seconds = (performance.now() - startMs) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    clearInterval(ticker);
    const { protected: isProtected, generation } = await pair.primary.status();
    const isHarmless = mostBytes - idleBytes < LIMIT_BYTES && isProtected && generation === 1 &&
      flood.receivedBytes === 0;
    isGood &&= isHarmless;
    console.log(
      `${name}: ${connections} connections in ${seconds.toFixed(1)} s that ${kind}: ` +
        `${megabytes(mostBytes - idleBytes)} above idle; ${flood.closed} closed by now; ` +
        `told ${flood.receivedBytes} bytes; ${
          isProtected ? "" : "not "
        }protected, generation ${generation}`,
    );
  }
}
Deno.exit(isGood ? 0 : 1);

/** Of the primary. */
function residentBytes(): number {
  const text = Deno.readTextFileSync(`/proc/${pair.primary.pid}/status`);
  return Number(text.match(/VmRSS:\s+(\d+) kB/)![1]) * 1024;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
