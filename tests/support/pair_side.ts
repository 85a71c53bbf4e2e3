/**
 * One side of a pair as a process of its own: started, read, signalled, and always ended.
 *
 * What a side says on standard error is kept line by line; a wait for a line that never comes fails with
 * all of them. The limits of waits only turn a hang into a failure: nothing is concluded from time.
 *
 * Called by pair_hosts.ts and the tests of whole pairs.
 */
import { fileURLToPath } from "node:url";

/** How long a test waits for what has to come, before it says that it did not. */
export const HANG_MS = 30_000;

const ROOT = new URL("../../", import.meta.url);

/** How a process ended. */
export interface SideExit {
  /** Its exit code, 128 + the signal's number for a signal. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** What a side is started with. */
export interface SideOptions {
  /** What it is called in messages. */
  readonly name: string;
  /** The entry script, from the project's root. */
  readonly entry?: string;
  readonly args: readonly string[];
  /** Takes what it writes to standard output; nothing else reads it. */
  readonly onOutput?: (bytes: Uint8Array) => void;
}

/** One side. */
export class Side implements AsyncDisposable {
  /** What it has said on standard error. */
  readonly lines: string[] = [];
  /** How it ended, once it has. */
  readonly exit: Promise<SideExit>;
  #ended: SideExit | undefined;
  readonly #child: Deno.ChildProcess;
  readonly #waiting = new Set<() => void>();

  /** Starts it. */
  constructor(private readonly options: SideOptions) {
    const { entry = "main.ts", args, onOutput } = options;
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const script = fileURLToPath(new URL(entry, ROOT));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--config", config, script, ...args],
      stdin: onOutput === undefined ? "null" : "piped",
      stdout: onOutput === undefined ? "null" : "piped",
      stderr: "piped",
    }).spawn();
    const read = [this.#read()];
    if (onOutput !== undefined) {
      read.push(this.#child.stdout.pipeTo(new WritableStream({ write: onOutput })));
    }
    this.exit = Promise.all([this.#child.status, ...read]).then(([{ code, signal }]) => {
      this.#ended = { code, signal };
      this.#wake();
      return this.#ended;
    });
  }

  /** How it is called in messages. */
  get name(): string {
    return this.options.name;
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** How it ended; undefined while it lives. */
  get ended(): SideExit | undefined {
    return this.#ended;
  }

  /** Sends a signal to it; one that has ended gets none. */
  signal(signal: Deno.Signal): void {
    if (this.#ended === undefined) this.#child.kill(signal);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exit;
  }

  /** Writes to its standard input. */
  async type(bytes: Uint8Array): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(bytes);
    } finally {
      writer.releaseLock();
    }
  }

  /** The first line from `from` on that `pattern` fits; waits for it. @throws Error if it does not come */
  async said(pattern: RegExp, from = 0): Promise<RegExpMatchArray> {
    let found: RegExpMatchArray | null = null;
    const look = () => {
      for (; found === null && from < this.lines.length; from++) {
        found = this.lines[from]!.match(pattern);
      }
      return found !== null || this.#ended !== undefined;
    };
    await this.#until(look, `a line like ${pattern}`);
    if (found === null) throw this.failure(`ended without a line like ${pattern}`);
    return found;
  }

  /** How it ends; waits for that. @throws Error if it does not end */
  async end(): Promise<SideExit> {
    await this.#until(() => this.#ended !== undefined, "its end");
    return this.#ended!;
  }

  /** An error about this side, with all that it has said. */
  failure(what: string): Error {
    const ended = this.#ended === undefined ? "alive" : `ended: ${JSON.stringify(this.#ended)}`;
    return new Error(`${this.name} (${ended}): ${what}; it said:\n  ${this.lines.join("\n  ")}`);
  }

  /** What it answers at its status address. */
  async status(): Promise<SideStatus> {
    const [, url] = await this.said(/status at (\S+)/);
    const response = await fetch(url!, { signal: AbortSignal.timeout(HANG_MS) });
    return await response.json();
  }

  /** Posts a request of an operator to its status address; returns the answer's code. */
  async ask(request: "handover" | "stop"): Promise<number> {
    const [, url] = await this.said(/status at (\S+)/);
    const response = await fetch(new URL(`/${request}`, url!), { method: "POST" });
    await response.body?.cancel();
    return response.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.options.onOutput !== undefined) await this.#child.stdin.close().catch(() => {});
    await this.kill();
  }

  async #until(isThere: () => boolean, what: string): Promise<void> {
    if (isThere()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (isThere()) resolve();
    };
    const hung = setTimeout(() => reject(this.failure(`waited in vain for ${what}`)), HANG_MS);
    this.#waiting.add(look);
    try {
      await promise;
    } finally {
      clearTimeout(hung);
      this.#waiting.delete(look);
    }
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#wake();
    }
    if (rest !== "") this.lines.push(rest);
  }
}

/** What tests read of a status; see PrimarySide.status and BackupSide.status. */
export interface SideStatus {
  readonly role: "primary" | "backup";
  readonly generation: number | null;
  readonly mode: string;
  readonly protected: boolean;
  readonly point: number;
  readonly outputs: {
    readonly held: number;
    readonly performed: number;
    readonly done: number;
    readonly performedAtTakeover: number;
  };
}
