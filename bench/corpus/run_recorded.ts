/**
 * Records a guest as its user does: `understudy run GUEST --record FILE`, a process of its own, with somebody at its
 * console.
 *
 * Called by guests.ts.
 */
import { UnavailableError } from "../../base/errors.ts";
import { denoArgs } from "../../demo/side_process.ts";

/** What to run. */
export interface Run {
  readonly guest: string;
  /** Where its log goes. */
  readonly path: string;
  /** Further options of `run`. */
  readonly options?: readonly string[];
  /** Told each line of its console. */
  readonly onLine: (line: string) => void;
  /** Types, from the console's first line on. */
  readonly type?: (write: (text: string) => Promise<void>) => Promise<void>;
  /** Ends the process. */
  readonly signal: AbortSignal;
}

/** Runs it to its end. @throws UnavailableError if that is not a good one */
export async function runRecorded(run: Run): Promise<void> {
  const main = denoArgs(new URL("../../main.ts", import.meta.url), ["--allow-all"]);
  const child = new Deno.Command(Deno.execPath(), {
    args: [...main, "run", run.guest, "--record", run.path, ...run.options ?? []],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: run.signal,
  }).spawn();
  const said = new Response(child.stderr).text();
  const booted = Promise.withResolvers<void>();
  const [{ success }] = await Promise.all([
    child.status,
    readLines(child.stdout, (line) => {
      booted.resolve();
      run.onLine(line);
    }).finally(booted.resolve),
    booted.promise.then(() => typeAt(child.stdin, run.type)),
  ]);
  if (!success) throw new UnavailableError(`understudy run ${run.guest}: ${(await said).trim()}`);
}

async function readLines(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  tell: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(tell);
  }
}

async function typeAt(stdin: WritableStream<Uint8Array>, type: Run["type"]): Promise<void> {
  const encoder = new TextEncoder();
  const writer = stdin.getWriter();
  try {
    await type?.((text) => writer.write(encoder.encode(text)));
    await writer.close();
  } catch (error) {
    // A guest that has ended reads no more; its process says why.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
