/**
 * The last bytes of a stream, by offset: what a console can still give to who comes (back) later.
 *
 * A ring of a fixed size. The console server appends what it performs, and on a backup what is done.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/layout.ts";

/** See the top of the file. */
export class OutputTail {
  readonly #ring: Bytes;
  #start = 0;
  #end = 0;

  /** An empty one, at offset 0. @param capacityBytes how many bytes are kept */
  constructor(capacityBytes: number) {
    this.#ring = new Uint8Array(capacityBytes);
  }

  /** The lowest offset that is kept. */
  get start(): number {
    return this.#start;
  }

  /** The offset behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** Adds bytes at their offset. What is there already is the same and is skipped; bytes beyond the end
   * leave a gap behind, so everything before them goes. */
  append(offset: number, bytes: Bytes): void {
    if (offset > this.#end) this.skipTo(offset);
    const end = Math.max(this.#end, offset + bytes.length);
    // Of more than fits, only the last part would survive.
    const from = Math.max(this.#end, end - this.#ring.length);
    this.#copy(from, end, (at, ring) => ring.set(bytes.subarray(at, at + ring.length)), offset);
    this.#end = end;
    this.#start = Math.max(this.#start, end - this.#ring.length);
  }

  /** Goes on at an offset beyond the end, with nothing kept. */
  skipTo(offset: number): void {
    assert(offset >= this.#end, `tail skips to ${offset}, its end is ${this.#end}`);
    this.#start = this.#end = offset;
  }

  /** A copy of the bytes from `from` to `to`, which must be kept. */
  read(from: number, to: number): Bytes {
    assert(
      this.#start <= from && from <= to && to <= this.#end,
      `tail has ${this.#start} to ${this.#end}, asked for ${from} to ${to}`,
    );
    const bytes = new Uint8Array(to - from);
    this.#copy(from, to, (at, ring) => bytes.set(ring, at), from);
    return bytes;
  }

  /** Calls `copy` with each piece of the ring that holds `from` to `to`, and its distance to `base`. */
  #copy(from: number, to: number, copy: (at: number, ring: Bytes) => void, base: number): void {
    for (let at = from; at < to;) {
      const place = at % this.#ring.length;
      const piece = this.#ring.subarray(place, place + to - at);
      copy(at - base, piece);
      at += piece.length;
    }
  }
}
