/**
 * What asks the guest kv, each a process on the lab's client: redis-benchmark for throughput, a client of our own that
 * asks now and then for latency.
 */
import { LAB_ADDRESSES, type LabHost, type NetworkLab } from "../../demo/network_lab.ts";
import { KV_PORT } from "./machines.ts";

/** A load of redis-benchmark's. */
export interface Load {
  readonly test: "set" | "get";
  readonly pipeline: number;
  readonly requests: number;
  /** Of a value; redis-benchmark's default is 3. */
  readonly valueBytes?: number;
}

const CLIENTS = 50;

/** Requests a second that redis-benchmark counts. */
export async function requestsPerSecond(lab: NetworkLab, load: Load): Promise<number> {
  const { test, pipeline, requests, valueBytes = 3 } = load;
  const text = await run(lab, "client", "redis-benchmark", [
    ...["-h", LAB_ADDRESSES.machine, "-c", `${CLIENTS}`, "-P", `${pipeline}`],
    ...["-n", `${requests}`, "-d", `${valueBytes}`, "-t", test, "--csv"],
  ]);
  const [, rate] = text.match(/^"(?:SET|GET)","([\d.]+)"/m) ?? [];
  if (rate === undefined) throw new Error(`redis-benchmark says ${text}`);
  return Number(rate);
}

/** In microseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

const PING_PONG = new URL("../ping_pong.ts", import.meta.url).pathname;
/** `GET k`, and the answer of a guest that has no k. */
const GET = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
const NIL = "$-1\r\n";

/** A client that asks for a key, waits, and asks again. */
export async function getLatency(lab: NetworkLab, intervalMs: number, durationMs: number) {
  return await ping(lab, "client", LAB_ADDRESSES.machine, KV_PORT, GET, NIL.length, {
    intervalMs,
    durationMs,
  });
}

/** Messages of a frame's and an ack's size between the two hosts, as the logging channel has them. */
export async function channelLatency(lab: NetworkLab, intervalMs: number, durationMs: number) {
  const [frameBytes, ackBytes] = [60, 36];
  const args = ["run", "--allow-net", PING_PONG, "echo", LAB_ADDRESSES.host1, frameBytes, ackBytes];
  const echo = lab.on(
    "host1",
    () =>
      new Deno.Command(Deno.execPath(), { args: args.map(String), stdout: "piped", stdin: "null" })
        .spawn(),
  );
  const reader = echo.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value));
  const message = "x".repeat(frameBytes);
  const rates = { intervalMs, durationMs };
  const found = await ping(lab, "host0", LAB_ADDRESSES.host1, port, message, ackBytes, rates);
  await reader.cancel();
  await echo.status;
  return found;
}

async function ping(
  lab: NetworkLab,
  from: LabHost,
  host: string,
  port: number,
  message: string,
  answerBytes: number,
  { intervalMs, durationMs }: { intervalMs: number; durationMs: number },
): Promise<Percentiles> {
  const args = ["ping", host, port, message, answerBytes, intervalMs, durationMs];
  const text = await run(lab, from, Deno.execPath(), [
    ...["run", "--allow-net", PING_PONG],
    ...args.map(String),
  ]);
  return JSON.parse(text);
}

async function run(
  lab: NetworkLab,
  host: LabHost,
  program: string,
  args: readonly string[],
): Promise<string> {
  const { success, stdout, stderr } = await lab.on(host, () =>
    new Deno.Command(program, {
      args: [...args],
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn()).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}${text}`);
}
