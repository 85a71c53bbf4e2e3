/**
 * Joins a process in a host to this process's standard input, output and error.
 */
import type { HostProcess, RunOptions } from "./host_process.ts";
import type { StockHost } from "./host.ts";

/** What passes its output on to this process's. */
export const toStdio: RunOptions = {
  onOutput: (bytes) => writeAll(Deno.stdout, bytes),
  onErrors: (bytes) => writeAll(Deno.stderr, bytes),
};

/** Writes all of it. */
export async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** Gives this process's standard input to a process, to its end or the process's. */
export async function passInput(process: HostProcess): Promise<void> {
  for await (const bytes of Deno.stdin.readable) {
    if (process.exit !== undefined) return;
    await process.write(bytes as Uint8Array<ArrayBuffer>);
  }
  await process.closeInput();
}

/**
 * A shell for a person at this terminal; without a terminal, one that reads commands from standard input.
 * Disposing of what it returns gives the terminal back.
 */
export function startShell(host: StockHost): { process: HostProcess } & Disposable {
  if (!Deno.stdin.isTerminal()) {
    return { process: host.run(["bash", "-s"], toStdio), [Symbol.dispose]: () => {} };
  }
  const { columns, rows } = Deno.consoleSize();
  const shell = `stty rows ${rows} cols ${columns}; exec bash -i`;
  const env = { TERM: Deno.env.get("TERM") ?? "linux", PS1: "\\h:\\w\\$ " };
  // A terminal of its own inside; this one passes every key on as it is.
  Deno.stdin.setRaw(true);
  return {
    process: host.run(["script", "-qec", shell, "/dev/null"], { ...toStdio, env }),
    [Symbol.dispose]: () => Deno.stdin.setRaw(false),
  };
}
