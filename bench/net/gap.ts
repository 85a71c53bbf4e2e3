/**
 * A client that increments a counter over one connection, one request at a time, and says how long it once had to wait.
 * Run as a process of the lab's client:
 *
 *   deno run --allow-net bench/net/gap.ts HOST PORT DURATION_MS      prints the longest wait in milliseconds
 */
import { LAB_ADDRESSES, type NetworkLab } from "../../demo/network_lab.ts";
import { KV_PORT } from "./machines.ts";

/** Starts one, which runs for so long. @returns the longest wait for an answer, in milliseconds */
export async function longestGap(lab: NetworkLab, durationMs: number): Promise<number> {
  const args = [LAB_ADDRESSES.machine, `${KV_PORT}`, `${durationMs}`];
  const { success, stdout } = await lab.on("client", () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", import.meta.url, ...args],
      ...{ stdin: "null", stdout: "piped" },
    }).spawn()).output();
  if (!success) throw new Error("the counter's connection did not live through the takeover");
  return Number(new TextDecoder().decode(stdout));
}

async function count(hostname: string, port: number, durationMs: number): Promise<void> {
  using connection = await Deno.connect({ hostname, port });
  connection.setNoDelay(true);
  const request = new TextEncoder().encode("*2\r\n$4\r\nINCR\r\n$3\r\ngap\r\n");
  const buffer = new Uint8Array(64);
  let longestMs = 0;
  const endMs = performance.now() + durationMs;
  for (let lastMs = performance.now(), counted = 0; lastMs < endMs;) {
    await connection.write(request);
    const length = await connection.read(buffer);
    const answer = new TextDecoder().decode(buffer.subarray(0, length ?? 0));
    if (answer !== `:${++counted}\r\n`) throw new Error(`answer ${counted} is ${answer}`);
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  console.log(longestMs);
}

if (import.meta.main) {
  const [host, port, durationMs] = Deno.args as [string, string, string];
  await count(host, Number(port), Number(durationMs));
}
