/**
 * A whole pair inside of this process: the real sides, their real vCPU threads on the real /dev/kvm, a real
 * connection over loopback that can be cut.
 *
 * Called by leak_test.ts, bad_primary_test.ts and the campaign campaigns/leak.ts.
 */
import { type BackupOptions, BackupProcess } from "../../backup/follow.ts";
import type { Halt } from "../../protocol/types.ts";
import type { Interposer, PrimarySide } from "../../primary/primary_side.ts";
import { type PrimaryOptions, startPrimary } from "../../primary/start.ts";

/** What a test's primary is started with, unless it says otherwise. */
export function primaryOptions(directory: string): PrimaryOptions {
  return {
    guest: "ledger",
    listen: "127.0.0.1:0",
    arbiter: `file:${directory}/arbiter`,
    console: `file:${directory}/console`,
    memoryBytes: 8 << 20,
    who: "first",
    requireBackup: false,
    commitReplayed: false,
    heartbeatMs: 50,
    timeoutMs: 2000,
    lagMaxMs: 200,
    sliceMs: 20,
    mode: "replay",
    epochLengthMs: 10,
  };
}

/** What a test's backup is started with, unless it says otherwise. */
export function backupOptions(directory: string, primary: string): BackupOptions {
  return {
    primary,
    listen: "127.0.0.1:0",
    arbiter: `file:${directory}/arbiter`,
    console: `file:${directory}/console`,
    id: undefined,
    who: "second",
    takeoverDiverged: false,
  };
}

/** A side and how it will end. */
export interface Running<S> {
  readonly side: S;
  /** What it said, line by line. */
  readonly lines: readonly string[];
  readonly halt: Promise<Halt>;
}

/** A primary that runs. */
export interface RunningPrimary extends Running<PrimarySide> {
  /** Where a backup can join. */
  readonly address: string;
}

/** Starts a primary in this process. */
export async function runPrimary(
  options: PrimaryOptions,
  interposer?: Interposer,
): Promise<RunningPrimary> {
  const lines: string[] = [];
  const side = await startPrimary(options, (line) => lines.push(line), interposer);
  const address = lines.join("\n").match(/can join at (\S+)/)![1]!;
  return { side, lines, address, halt: side.run() };
}

/** Starts a backup in this process. */
export function runBackup(options: BackupOptions): Running<BackupProcess> {
  const lines: string[] = [];
  const side = new BackupProcess(options, (line) => lines.push(line));
  return { side, lines, halt: side.run() };
}

/** Polls until there is something. @throws Error if it does not come */
export async function until<T>(poll: () => T | undefined | false, what: () => string): Promise<T> {
  for (let tries = 0; tries < 3000; tries++) {
    const found = poll();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain for ${what()}`);
}

/** A connection's detour, which can be cut. */
export class Detour implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #done: Promise<void>;

  /** Leads to `target`, HOST:PORT. */
  constructor(target: string) {
    const [hostname, port] = target.split(":") as [string, string];
    this.#done = this.#serve({ hostname, port: Number(port) });
  }

  /** Where it begins. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Ends all connections through it, and lets no more through. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#done;
  }

  async #serve(target: Deno.ConnectOptions): Promise<void> {
    const flows: Promise<void>[] = [];
    try {
      for await (const here of this.#listener) {
        const there = await Deno.connect(target);
        this.#connections.add(here).add(there);
        flows.push(flow(here, there), flow(there, here));
      }
    } finally {
      await Promise.all(flows);
    }
  }
}

async function flow(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 << 10);
  try {
    for (let count; (count = await from.read(buffer)) !== null;) {
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
    }
    await (to as Deno.TcpConn).closeWrite();
  } catch {
    // Cut, or an end that is gone: the other flow sees it, too.
  }
}
