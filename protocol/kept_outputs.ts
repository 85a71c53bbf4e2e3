/**
 * The backup's outputs: what its replay put out and the primary has not yet said to be done.
 *
 * A sink's outputs are a stream of bytes with offsets. Notices may run ahead of the replay (the primary
 * is faster) or behind it; bytes are *kept* from where they were put out until the notice comes, and are
 * what a takeover performs.
 *
 * Source: Fadhihansah 2017: the backup performs what was not notified.
 */
import { PeerError } from "../base/errors.ts";
import { Fifo } from "../base/fifo.ts";
import type { Divergence } from "./backup_types.ts";
import type { Output } from "./output_gate.ts";

interface Stream {
  kept: Fifo<Output>;
  doneOffset: number;
  /** Where the last output ended, kept or not; undefined before the first. */
  end: number | undefined;
}

/** All sinks' kept outputs. */
export class KeptOutputs {
  readonly #streams = new Map<number, Stream>();
  #bytes = 0;

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many outputs are kept. */
  get count(): number {
    let count = 0;
    for (const { kept } of this.#streams.values()) count += kept.length;
    return count;
  }

  /** What a takeover has to perform, in order. */
  all(): Output[] {
    return [...this.#streams.values()].flatMap(({ kept }) => [...kept]);
  }

  /**
   * The machine put bytes out, or a state transfer brought them.
   * @param bytesMax of all that is kept then
   * @returns those of them that are done already
   * @throws PeerError if they do not follow on the sink's last ones, or no number can count them, or they are more
   */
  add(output: Output, bytesMax = Infinity): Output[] {
    const stream = this.#stream(output.sink);
    const expected = stream.end ?? output.offset;
    if (output.offset !== expected) {
      throw new PeerError(`sink ${output.sink}: output at ${output.offset}, expected ${expected}`);
    }
    const end = expected + output.bytes.length;
    if (!Number.isSafeInteger(end)) {
      throw new PeerError(`sink ${output.sink}: output up to ${end}, expected a stream shorter`);
    }
    stream.end = end;
    // One without bytes is nothing to perform, and no bound on bytes would ever stop them.
    if (output.bytes.length > 0) stream.kept.push(output);
    this.#bytes += output.bytes.length;
    const done = this.#drop(stream);
    if (this.#bytes > bytesMax) {
      const what = `${this.#bytes} bytes of output without a notice`;
      throw new PeerError(`${what}, expected at most ${bytesMax}`);
    }
    return done;
  }

  /** A state replaces the machine, and brings the outputs that are not done: what was kept before is void. */
  restart(): void {
    for (const stream of this.#streams.values()) {
      stream.kept = new Fifo();
      stream.end = undefined;
    }
    this.#bytes = 0;
  }

  /** What was put out after `point` is not the machine's. */
  dropAfter(point: number): void {
    for (const stream of this.#streams.values()) {
      const outputs = [...stream.kept];
      stream.kept = new Fifo();
      for (const output of outputs) {
        if (output.point <= point) stream.kept.push(output);
        else this.#bytes -= output.bytes.length;
      }
    }
  }

  /** The sink's outputs below `offset` are done; returns those of them that were kept. */
  done(sink: number, offset: number): Output[] {
    const stream = this.#stream(sink);
    if (offset < stream.doneOffset) {
      throw new PeerError(
        `sink ${sink}: outputs done up to ${offset}, after a notice up to ${stream.doneOffset}`,
      );
    }
    stream.doneOffset = offset;
    return this.#drop(stream);
  }

  /**
   * A sink with notices of outputs that the machine has not put out: once the replay has caught up,
   * there must be none. (Where no output is known at all, there is nothing to compare with.)
   */
  overrun(): Omit<Divergence, "point"> | undefined {
    for (const [sink, { doneOffset, end }] of this.#streams) {
      if (end === undefined || doneOffset <= end) continue;
      return {
        place: `outputs of sink ${sink}`,
        recorded: `performed up to ${doneOffset}`,
        replayed: `put out up to ${end}`,
      };
    }
    return undefined;
  }

  /** Takes out what is done. An output that is done in part is cut. */
  #drop(stream: Stream): Output[] {
    const dropped: Output[] = [];
    for (;;) {
      const first = stream.kept.first;
      if (first === undefined || first.offset >= stream.doneOffset) return dropped;
      const doneBytes = Math.min(first.bytes.length, stream.doneOffset - first.offset);
      dropped.push({ ...first, bytes: first.bytes.subarray(0, doneBytes) });
      this.#bytes -= doneBytes;
      if (doneBytes === first.bytes.length) {
        stream.kept.shift();
      } else {
        const offset = first.offset + doneBytes;
        stream.kept.replaceFirst({ ...first, offset, bytes: first.bytes.subarray(doneBytes) });
      }
    }
  }

  #stream(sink: number): Stream {
    let stream = this.#streams.get(sink);
    if (stream === undefined) {
      stream = { kept: new Fifo(), doneOffset: 0, end: undefined };
      this.#streams.set(sink, stream);
    }
    return stream;
  }
}
