/**
 * Writes reports to standard output, gathered into pieces. A reader that goes away (`| head`) has what it wanted:
 * that is no fault, and there is no need to go on.
 *
 * Called by command.ts and dump.ts.
 */
import { UnavailableError } from "../base/errors.ts";
import { printBufferBytes } from "../base/limits.ts";

/** Takes a first part of some bytes, as Deno.stdout does. */
export interface Output {
  /** @returns how many were taken */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
}

/** See the top of the file. */
export class Printer {
  readonly #encoder = new TextEncoder();
  #parts: string[] = [];
  #length = 0;
  #hasReader = true;

  /** @param output tests give their own */
  constructor(private readonly output: Output = Deno.stdout) {}

  /** Whether somebody still reads. */
  get hasReader(): boolean {
    return this.#hasReader;
  }

  /** Adds a line. */
  line(text: string): void {
    this.#parts.push(text, "\n");
    this.#length += text.length + 1;
  }

  /** Writes what there is, if it is enough to be worth it. */
  async flushIfFull(): Promise<void> {
    if (this.#length >= printBufferBytes) await this.flush();
  }

  /** Writes what there is. @throws UnavailableError if it can't be written */
  async flush(): Promise<void> {
    const bytes = this.#encoder.encode(this.#parts.join(""));
    this.#parts = [];
    this.#length = 0;
    try {
      for (let at = 0; at < bytes.length && this.#hasReader;) {
        at += await this.output.write(bytes.subarray(at));
      }
    } catch (cause) {
      if (!(cause instanceof Deno.errors.BrokenPipe)) {
        throw new UnavailableError(`standard output: ${(cause as Error).message}`, { cause });
      }
      this.#hasReader = false;
    }
  }
}
