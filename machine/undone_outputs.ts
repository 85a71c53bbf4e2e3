/**
 * The outputs that the machine has put out and that are not done: part of its state, since a side that takes the
 * state over may have to perform them.
 *
 * The vCPU's thread keeps them, and main says up to where they are done (`Gauge.doneOffset`): so the state that it
 * captures is whole by itself. What is done and not yet known to be is in it as well; the notice of it precedes the
 * state on the logging channel.
 */
import { Fifo } from "../base/fifo.ts";

/** Bytes of the console's stream. */
export interface UndoneOutput {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** See the top of the file. */
export class UndoneOutputs {
  #outputs = new Fifo<UndoneOutput>();

  /** The machine has put out bytes, which must not change any more. */
  add(offset: number, bytes: Uint8Array): void {
    this.#outputs.push({ offset, bytes });
  }

  /** All below this offset is done. An output that is done in part stays whole. */
  doneThrough(offset: number): void {
    for (let first; (first = this.#outputs.first) !== undefined;) {
      if (first.offset + first.bytes.length > offset) return;
      this.#outputs.shift();
    }
  }

  /** Another state begins. */
  clear(): void {
    this.#outputs = new Fifo();
  }

  /** Where they end; undefined: there are none. */
  get end(): number | undefined {
    const last = this.#outputs.last;
    return last && last.offset + last.bytes.length;
  }

  /** In order. */
  [Symbol.iterator](): IterableIterator<UndoneOutput> {
    return this.#outputs[Symbol.iterator]();
  }
}
