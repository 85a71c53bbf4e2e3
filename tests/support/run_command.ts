/**
 * Runs one command of the command line to its end, as a process of its own, and keeps what it wrote.
 *
 * Called by the tests of the command line; for sides that live on, see demo/side_process.ts.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** How long a command may take before it hangs. */
const HANG_MS = 30_000;
const ROOT = new URL("../../", import.meta.url);

/** What came of a command. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run it. */
export interface CommandOptions {
  /** The entry script, from the project's root. */
  readonly entry?: string;
  /** A program and its first arguments, which are followed by the command's own. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from its standard input; default: nothing. */
  readonly input?: string;
}

/** The program and arguments that run the command line with `args`. */
export function commandLine(args: readonly string[], options: CommandOptions = {}): string[] {
  const config = fileURLToPath(new URL("deno.json", ROOT));
  const script = fileURLToPath(new URL(options.entry ?? "main.ts", ROOT));
  const run = [Deno.execPath(), "run", "--quiet", "--allow-all", "--config", config, script];
  return [...options.prefix ?? [], ...run, ...args];
}

/** Runs it. @throws AssertionError if it says a stack trace, or does not end */
export async function runCommand(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program, ...rest] = commandLine(args, options);
  const signal = AbortSignal.timeout(HANG_MS);
  const command = new Deno.Command(program!, {
    args: rest,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...options.env },
    signal,
  });
  const child = command.spawn();
  const typed = new Blob([options.input ?? ""]).stream().pipeTo(child.stdin);
  // A command that ends without reading it all is right, too.
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), typed.catch(() => {})]);
  const decoder = new TextDecoder();
  const result = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  assert.ok(!signal.aborted, `${args.join(" ")} did not end: ${result.stderr}`);
  assert.doesNotMatch(result.stderr, /^\s+at |defect/m, args.join(" "));
  return result;
}

/** A directory that is gone at the end. */
export class ScratchDirectory implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "understudy-test-" });

  /** The path of a file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Writes a file in it; returns its path. */
  write(name: string, bytes: Uint8Array): string {
    Deno.writeFileSync(this.file(name), bytes);
    return this.file(name);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
