/**
 * Gathers what the guest puts out to one sink, a byte or a frame at a time, into outputs worth handing to main.
 *
 * A UART gives a byte an exit. Main is woken for what goes through the ring, so a line is one record, on
 * the side that records and on the side that replays.
 */
import type { Channel } from "./channel.ts";
import type { Machine } from "./machine.ts";
import { type OutputRecord, writeOutput } from "./records.ts";

/** See the top of the file. */
export class OutputBatch {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #offset = 0;

  /** @param sink its number */
  constructor(private readonly sink: number) {}

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
   * @param machine whose outputs they are
   * @param point the execution point that they were made at, at the latest; default: where it is
   * @returns the output; undefined if nothing waited
   */
  write(
    channel: Channel,
    { undone, point: here }: Machine,
    point = here,
  ): OutputRecord | undefined {
    if (this.#bytes === 0) return undefined;
    const bytes = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const { sink } = this;
    undone.doneThrough(sink, channel.doneOffset(sink));
    const output = { sink, offset: this.#offset, point, bytes };
    undone.add(output);
    writeOutput(channel.notices, output);
    this.#parts = [];
    this.#bytes = 0;
    return output;
  }
}
