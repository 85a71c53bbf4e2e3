/**
 * One side of a pair as a real process, that can be asked, paused and killed.
 *
 * All by the process's own id, and none outlives its {@link SideProcess}: whoever disposes of it waits until
 * the process is gone. `pair_processes.ts` makes pairs of these, for the demo and the crash campaigns.
 */
import { UnavailableError } from "../base/errors.ts";
import { parseAddress } from "../link/address.ts";
import { Security } from "../link/security.ts";
import { askStatus, type StatusAnswer } from "../link/status_client.ts";
import { Side, type SideStatus } from "./side.ts";

export type { SideStatus } from "./side.ts";

/** How a process ended. */
export interface Exit {
  /** 128 and more: by a signal. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** How a side is started. */
export interface SideOptions {
  /** The module that is run, with all permissions; default: main.ts. Tests wrap effects in one of their
   * own, and take the same arguments. */
  readonly entry?: URL;
  /** Beside the environment that this process has. */
  readonly env?: Record<string, string>;
  /** Told each piece of its standard error. */
  readonly onText?: (text: string) => void;
  /** Starts the process, somewhere else than in this process's network. */
  readonly within?: (start: () => Deno.ChildProcess) => Deno.ChildProcess;
  /** How its status address is asked; default: in the clear. */
  readonly security?: Security;
}

/** How much of its standard error is kept. */
const textLength = 64 * 1024;
const root = new URL("../", import.meta.url);

/** The command line that runs a module of this project, behind Deno's own path. */
export function denoArgs(module: URL, permissions: readonly string[]): string[] {
  const config = Deno.realPathSync(new URL("deno.json", root));
  return ["run", "--quiet", "--no-prompt", ...permissions, "--config", config, module.href];
}

/** See the top of the file. */
export class SideProcess extends Side implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #security: Security;
  readonly #read: Promise<void>;
  #text = "";
  #exit: Exit | undefined;

  /** Resolves when the process has ended and all its standard error has been read. */
  readonly exited: Promise<Exit>;

  /**
   * Starts it.
   * @param name for messages
   * @param args the command line: `primary ledger --listen ...`
   */
  constructor(name: string, args: readonly string[], options: SideOptions = {}) {
    super(name);
    this.#security = options.security ?? Security.loopback;
    const entry = options.entry ?? new URL("main.ts", root);
    const command = new Deno.Command(Deno.execPath(), {
      args: [...denoArgs(entry, ["--allow-all"]), ...args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      env: { NO_COLOR: "1", ...options.env },
    });
    const { within = (start) => start() } = options;
    this.#child = within(() => command.spawn());
    this.#read = this.#readText(options.onText);
    this.exited = this.#child.status.then(async ({ code, signal }) => {
      this.#exit = { code, signal };
      await this.#read;
      return this.#exit;
    });
  }

  /** The process's id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** As a person says it; undefined while it runs. */
  get ending(): string | undefined {
    return this.#exit === undefined ? undefined : `ended with ${this.#exit.code}`;
  }

  /** How it has ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Its standard error so far, at most the last 64 KiB. */
  get text(): string {
    return this.#text;
  }

  /** Its figures at this moment. A paused side does not answer. @throws UnavailableError if it is gone */
  async status(): Promise<SideStatus> {
    return JSON.parse((await this.#ask("GET /status")).text);
  }

  /** Asks for a handover; false: it declined. */
  async handover(): Promise<boolean> {
    return (await this.#ask("POST /handover")).ok;
  }

  /** Changes settings; what holds then, or what is wrong. */
  async set(settings: Readonly<Record<string, string>>): Promise<{ ok: boolean; text: string }> {
    return await this.#ask(`POST /set?${new URLSearchParams(settings)}`);
  }

  /** Asks for an orderly end. */
  async stop(): Promise<void> {
    await this.#ask("POST /stop");
  }

  /** Stops it where it is, as a hung host would. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Sends a signal to a running process. @throws TypeError if it has ended */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** `kill -9`, if it still runs, and waits for its end. */
  async kill(): Promise<Exit> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already: that is all that was wanted.
      if (!(error instanceof TypeError)) throw error;
    }
    return await this.exited;
  }

  /** As {@link kill}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #ask(what: `${"GET" | "POST"} /${string}`): Promise<StatusAnswer> {
    const [, address] = await this.saying(/status at https?:\/\/(\S+)\/status\n/);
    try {
      return await askStatus(parseAddress(address!), what, this.#security);
    } catch (cause) {
      throw new UnavailableError(`${this.name} does not answer at ${address}`, { cause });
    }
  }

  async #readText(onText: ((text: string) => void) | undefined): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#text = (this.#text + text).slice(-textLength);
      onText?.(text);
    }
  }
}
