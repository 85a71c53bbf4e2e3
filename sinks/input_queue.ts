/**
 * Console input on its way from connections to whoever calls `readInput`.
 *
 * Used by the sinks that listen. They bound it: a framed console by its window, a raw one by waiting
 * until a chunk was taken.
 */
import type { Bytes } from "../base/layout.ts";
import { assert } from "../base/assert.ts";

/** See the top of the file. */
export class InputQueue {
  #chunks: { bytes: Bytes; taken: () => void }[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  /** Adds a chunk; resolves when it was taken, or thrown away. */
  push(bytes: Bytes): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((taken) => {
      this.#chunks.push({ bytes, taken });
      this.#wake?.();
    });
  }

  /** The next chunk, once there is one; undefined at the end. One call at a time. */
  async read(): Promise<Bytes | undefined> {
    assert(this.#wake === undefined, "two reads of console input at once");
    if (this.#chunks.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    const chunk = this.#chunks.shift();
    chunk?.taken();
    return chunk?.bytes;
  }

  /** No more input; what was not taken is thrown away. */
  end(): void {
    this.#ended = true;
    for (const { taken } of this.#chunks) taken();
    this.#chunks = [];
    this.#wake?.();
  }
}
