/**
 * The outputs that the machine has put out and that are not done: part of its state, since a side that takes the
 * state over may have to perform them. Each sink has a stream of its own.
 *
 * The vCPU's thread keeps them, and main says up to where they are done (`Channel.doneOffset`): so the state that it
 * captures is whole by itself. What is done and not yet known to be is in it as well; the notice of it precedes the
 * state on the logging channel.
 */
import { Fifo } from "../base/fifo.ts";

/** Bytes of a sink's stream. */
export interface UndoneOutput {
  readonly sink: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** See the top of the file. */
export class UndoneOutputs {
  readonly #streams = new Map<number, Fifo<UndoneOutput>>();

  /** The machine has put out bytes, which must not change any more. */
  add(output: UndoneOutput): void {
    let stream = this.#streams.get(output.sink);
    if (stream === undefined) this.#streams.set(output.sink, stream = new Fifo());
    stream.push(output);
  }

  /** All of a sink's below this offset is done. An output that is done in part stays whole. */
  doneThrough(sink: number, offset: number): void {
    const stream = this.#streams.get(sink);
    for (let first; (first = stream?.first) !== undefined;) {
      if (first.offset + first.bytes.length > offset) return;
      stream!.shift();
    }
  }

  /** Another state begins. */
  clear(): void {
    this.#streams.clear();
  }

  /** Where a sink's begin; undefined: there are none. */
  start(sink: number): number | undefined {
    return this.#streams.get(sink)?.first?.offset;
  }

  /** Where they end. */
  end(sink: number): number | undefined {
    const last = this.#streams.get(sink)?.last;
    return last && last.offset + last.bytes.length;
  }

  /** Sink by sink, each in order. */
  *[Symbol.iterator](): IterableIterator<UndoneOutput> {
    for (const stream of this.#streams.values()) yield* stream;
  }
}
