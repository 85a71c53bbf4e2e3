/**
 * Starts the observer, pipes a console's bytes to it, and takes its word. For `demo.ts`.
 */
import { UnavailableError } from "../base/errors.ts";
import type { Observation } from "./observer.ts";
import { denoArgs } from "./side_process.ts";

/** See observer.ts. Disposing of it kills it if it still runs. */
export class ObserverProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: Promise<string>;

  /** Starts it. */
  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: denoArgs(new URL("observer.ts", import.meta.url), []),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = new Response(this.#child.stdout).text();
  }

  /** The process's id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Shows it the next bytes of the console. */
  async show(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#input.write(bytes);
  }

  /** That was all: what has it seen? @throws UnavailableError if it dies over it */
  async conclude(): Promise<Observation> {
    await this.#input.close();
    const [{ code }, text] = await Promise.all([this.#child.status, this.#output]);
    if (code !== 0) throw new UnavailableError(`the observer ended with code ${code}: see above`);
    return JSON.parse(text);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await this.#output;
    await this.#input.abort().catch(() => {});
  }
}
