/**
 * A process in a stock host, seen from outside.
 *
 *     const process = host.run(["./understudy", "doctor"]);
 *     await process.saying(/KVM/);
 *     const { code } = await process.exited;
 *
 * control.ts makes them; their like for processes of this machine is demo/side_process.ts.
 */
import { UnavailableError } from "../../base/errors.ts";
import type { End } from "./agent_messages.ts";

/** How a command is run. */
export interface RunOptions {
  /** From the project's folder; default: that folder. */
  readonly cwd?: string;
  /** Beside the environment that every command in a host has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told each piece of its standard output. What it returns is waited for, by all of the host's processes. */
  readonly onOutput?: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** The same for its standard error. */
  readonly onErrors?: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/** How a process ended; undefined code: with its host. */
export interface HostExit {
  /** 128 and more: by a signal. 126, 127: it could not be started. */
  readonly code: number | undefined;
  readonly signal: string | null;
}

/** The way to it. */
export interface HostProcessPort {
  input(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  signal(signal: string): Promise<void>;
}

/** How much of each output is kept, in UTF-16 units. */
const TEXT_LENGTH = 256 * 1024;
/** One piece of input. */
const INPUT_BYTES = 16 * 1024;
/** How long to wait for something that it is to say: it runs under emulation. */
const PATIENCE_MS = 60_000;

/** See the top of the file. */
export class HostProcess {
  readonly #exited = Promise.withResolvers<HostExit>();
  readonly #decoders = { output: new TextDecoder(), errors: new TextDecoder() };
  readonly #texts = { output: "", errors: "" };
  #exit: HostExit | undefined;
  #taken = Promise.withResolvers<void>();
  #lastInput: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();

  /** For {@link Control}. */
  constructor(
    readonly command: readonly string[],
    readonly options: RunOptions,
    readonly port: HostProcessPort,
  ) {}

  /** Resolves when it has ended and all that it wrote has been told. */
  get exited(): Promise<HostExit> {
    return this.#exited.promise;
  }

  /** How it has ended; undefined while it runs. */
  get exit(): HostExit | undefined {
    return this.#exit;
  }

  /** Its standard output, at most the last 256 Ki characters. */
  get output(): string {
    return this.#texts.output;
  }

  /** Its standard error, as much. */
  get errors(): string {
    return this.#texts.errors;
  }

  /** Gives it input; resolves when that was taken. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#lastInput = this.#lastInput.then(async () => {
      for (let at = 0; at < bytes.length; at += INPUT_BYTES) {
        await this.#give(bytes.slice(at, at + INPUT_BYTES));
      }
    });
    return this.#lastInput;
  }

  /** There is no more input. */
  closeInput(): Promise<void> {
    this.#lastInput = this.#lastInput.then(() => this.#give(new Uint8Array()));
    return this.#lastInput;
  }

  /** Sends a signal to it and all that it has started. */
  async signal(signal: Deno.Signal): Promise<void> {
    await this.port.signal(signal);
  }

  /** Kills it, and waits for its end. */
  async kill(): Promise<HostExit> {
    if (this.#exit === undefined) await this.signal("SIGKILL");
    return await this.exited;
  }

  /**
   * Waits until one of its outputs has something.
   * @throws UnavailableError if it ends without, or takes more than `timeoutMs`
   */
  async saying(pattern: RegExp, timeoutMs = PATIENCE_MS): Promise<RegExpMatchArray> {
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), timeoutMs);
    try {
      for (let isLate = false;;) {
        const found = this.output.match(pattern) ?? this.errors.match(pattern);
        if (found !== null) return found;
        if (this.#exit !== undefined || isLate) throw this.#unsaid(pattern, timeoutMs);
        isLate = await Promise.race([this.#changed.promise, late.promise]) === "late";
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** For {@link Control}: it wrote something. */
  async wrote(kind: "output" | "errors", bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const text = this.#decoders[kind].decode(bytes, { stream: true });
    this.#texts[kind] = (this.#texts[kind] + text).slice(-TEXT_LENGTH);
    this.#change();
    await (kind === "output" ? this.options.onOutput : this.options.onErrors)?.(bytes);
  }

  /** For {@link Control}: the last piece of input was taken. */
  taken(): void {
    this.#taken.resolve();
  }

  /** For {@link Control}: it has ended. */
  ended({ code, signal }: End): void {
    this.#end({ code, signal });
  }

  /** For {@link Control}: its host is gone. */
  gone(): void {
    this.#end({ code: undefined, signal: null });
  }

  async #give(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#exit !== undefined) return;
    this.#taken = Promise.withResolvers();
    await this.port.input(piece);
    await Promise.race([this.#taken.promise, this.exited]);
  }

  #end(exit: HostExit): void {
    this.#exit ??= exit;
    this.#exited.resolve(this.#exit);
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #unsaid(pattern: RegExp, timeoutMs: number): UnavailableError {
    const how = this.#exit === undefined
      ? `not within ${timeoutMs} ms`
      : `ended with ${this.#exit.code ?? "its host"}`;
    return new UnavailableError(
      `${
        this.command.join(" ")
      }: expected ${pattern}: ${how}; it said:\n${this.output}${this.errors}`,
    );
  }
}
