/**
 * Gathers the bytes that the guest puts out, one at a time, into outputs worth handing to main.
 *
 * A UART gives a byte an exit. Main is woken for what goes through the ring, so a line is one record, on
 * the side that records and on the side that replays.
 */
import { type OutputRecord, writeOutput } from "./records.ts";
import type { Ring } from "./ring.ts";

/** The console's sink number: the only sink so far. */
const CONSOLE = 0;

/** See the top of the file. */
export class OutputBatch {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #offset = 0;

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes bytes in, which must not change any more; they follow on the last ones. */
  add(offset: number, bytes: Uint8Array): void {
    if (this.#bytes === 0) this.#offset = offset;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  /**
   * Hands what waits, if anything does, to main as one output; waits for room.
   * @param point the execution point that it was made at, at the latest
   * @returns the output; undefined if nothing waited
   */
  write(ring: Ring, point: number): OutputRecord | undefined {
    if (this.#bytes === 0) return undefined;
    const bytes = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const output = { sink: CONSOLE, offset: this.#offset, point, bytes };
    writeOutput(ring, output);
    this.#parts = [];
    this.#bytes = 0;
    return output;
  }
}
