/**
 * The sink `stdio`: standard output and standard input of this process. *Performed* is what the write
 * took. The terminal's mode is left alone.
 */
import type { Bytes } from "../base/layout.ts";
import { UnavailableError } from "../base/errors.ts";
import { inputChunkBytes } from "../base/limits.ts";
import { NoneSink } from "./none.ts";

/** Where {@link StdioSink} writes and reads: as `Deno.stdout` and `Deno.stdin` have it. */
export interface Stdio {
  /** Writes a first part. */
  write(bytes: Bytes): Promise<number>;
  /** Reads at least a byte, or null at the end. */
  read(into: Bytes): Promise<number | null>;
}

const systemStdio: Stdio = {
  write: (bytes) => Deno.stdout.write(bytes),
  read: (into) => Deno.stdin.read(into),
};

/** See the top of the file. */
export class StdioSink extends NoneSink {
  #buffer: Bytes | undefined;

  /** Opens nothing. @param stdio tests give their own */
  constructor(spec: string, readonly stdio: Stdio = systemStdio) {
    super(spec);
  }

  /** The interface's `perform`. */
  override async perform(_offset: number, bytes: Bytes): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.stdio.write(bytes.subarray(at));
    } catch (cause) {
      throw new UnavailableError(`standard output: ${(cause as Error).message}`, { cause });
    }
  }

  /** The interface's `readInput`. */
  override async readInput(): Promise<Bytes | undefined> {
    const buffer = this.#buffer ??= new Uint8Array(inputChunkBytes);
    const count = await this.stdio.read(buffer);
    return count === null ? undefined : buffer.slice(0, count);
  }
}
