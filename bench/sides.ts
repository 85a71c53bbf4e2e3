/**
 * Real sides, as processes on this host, under load: what the benchmarks of whole machines measure.
 */
import { freePort, Pair, type PairOptions } from "../demo/pair_processes.ts";
import { SideProcess } from "../demo/side_process.ts";
import { Security } from "../link/security.ts";
import { ConsoleClient } from "../sinks/console_client.ts";
import { Core, place } from "./cores.ts";

/** A machine that runs, protected or not. */
export interface RunningMachine extends AsyncDisposable {
  /** Where its framed console is. */
  readonly console: string;
  readonly primary: SideProcess;
  /** Undefined: unprotected. */
  readonly backup: SideProcess | undefined;
}

/** How a machine is started. */
export interface Start {
  readonly guest: string;
  /** Further options of `primary`. */
  readonly args?: readonly string[];
  /** Each side has a core of its own: see cores.ts. */
  readonly isApart: boolean;
}

/** Starts a primary and a backup; the guest has not run before it is protected.
 * @param keys both sides' folders of keys: everything is within TLS */
export async function startProtected(
  { guest, args = [], isApart }: Start,
  keys?: PairOptions["keys"],
): Promise<RunningMachine> {
  const pair = Pair.start({ guest, primary: { args }, ...(keys === undefined ? {} : { keys }) });
  const { primary, backup, consoles } = pair;
  place(primary.pid, Core.primary, isApart);
  place(backup.pid, Core.backup, isApart);
  await primary.protected();
  return {
    console: consoles.split(",")[0]!,
    primary,
    backup,
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

/** Starts a primary without a backup. */
export async function startUnprotected(
  { guest, args = [], isApart }: Start,
): Promise<RunningMachine> {
  const directory = Deno.makeTempDirSync({ prefix: "understudy-bench-" });
  const console = `127.0.0.1:${freePort()}`;
  const primary = new SideProcess("primary", [
    ...["primary", guest, "--listen", "127.0.0.1:0", "--arbiter", `file:${directory}/arbiter`],
    ...["--console", `console:${console}`, "--status", "127.0.0.1:0", ...args],
  ]);
  place(primary.pid, Core.primary, isApart);
  await primary.saying(/unprotected/);
  return {
    console,
    primary,
    backup: undefined,
    async [Symbol.asyncDispose]() {
      await primary.kill();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/**
 * The processor time that the thread of a side's vCPU has taken so far, in seconds: what the guest itself takes
 * and what is done for it before it may go on. Linux counts it in hundredths.
 */
export function vcpuSeconds({ primary }: RunningMachine): number {
  const tasks = `/proc/${primary.pid}/task`;
  for (const { name } of Deno.readDirSync(tasks)) {
    const [, thread, rest] = Deno.readTextFileSync(`${tasks}/${name}/stat`).match(/\((.*)\) (.*)/)!;
    // The only Worker of a side. utime and stime are the 14th and 15th field, counted from 1.
    const fields = rest!.split(" ");
    if (thread!.startsWith("worker-")) return (Number(fields[11]) + Number(fields[12])) / 100;
  }
  throw new Error(`no vCPU's thread in process ${primary.pid}`);
}

/** Types requests at a ledger, `depth` of them ahead of their answers. */
export class LedgerLoad implements Disposable {
  /** Requests that were answered. */
  answered = 0;
  readonly #client: ConsoleClient;

  /** Begins at once. */
  constructor(console: string, private readonly depth: number, security = Security.loopback) {
    this.#client = new ConsoleClient(console, { input: true, have: 0, security });
    void this.#run();
  }

  /** Requests answered a second, over some time in which the load was on. */
  async rate(ms: number): Promise<number> {
    const startMs = performance.now();
    const before = this.answered;
    await new Promise((resolve) => setTimeout(resolve, ms));
    return (this.answered - before) / (performance.now() - startMs) * 1000;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #run(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const { bytes } of this.#client.outputs()) {
      const lines = (rest + decoder.decode(bytes)).split("\n");
      rest = lines.pop()!;
      const booted = lines.some((line) => line.includes(" boot ")) ? this.depth : 0;
      const answers = lines.filter((line) => line.includes(" answer ")).length;
      this.answered += answers;
      const due = booted + answers;
      if (due > 0) void this.#client.write(new TextEncoder().encode("add 1\n".repeat(due)));
    }
  }
}

/** How long a guest takes from its first output to its end, in seconds. */
export async function watchToEnd(console: string): Promise<number> {
  using client = new ConsoleClient(console, { have: 0 });
  let startMs: number | undefined;
  for await (const _ of client.outputs()) startMs ??= performance.now();
  if (client.ended?.exitCode !== 0) throw new Error(`the guest: ${client.ended?.why ?? "lost"}`);
  return (performance.now() - startMs!) / 1000;
}
