/**
 * The hashes of another machine's pages: what a state transfer to it can leave out.
 *
 * A backup that has diverged tells them, most of its pages being right; machine/memory_digest.ts makes them.
 * Two pages that differ have the same hash once in 2^64 times, and then the next digest finds it.
 */
import type { MemoryDigest } from "./memory_digest.ts";

/** See the top of the file. */
export class PageHashes {
  readonly #words: Uint32Array;
  #pages = 0;

  /** @param pages how many the machine has */
  constructor(pages: number) {
    this.#words = new Uint32Array(2 * pages);
  }

  /** Adds what a `pages` record has: {@link pagesRecord}. */
  add(record: Uint8Array): void {
    const bytes = record.slice();
    const [first] = new Float64Array(bytes.buffer, 0, 1);
    const words = new Uint32Array(bytes.buffer, 8);
    this.#words.set(words, 2 * first!);
    this.#pages = first! + words.length / 2;
  }

  /** Whether the other machine's page is the same as this one's, as it was last digested. */
  has(own: MemoryDigest, page: number): boolean {
    return page < this.#pages &&
      own.hasHash(page, this.#words[2 * page]!, this.#words[2 * page + 1]!);
  }
}

/** The body of a `pages` record: hashes of the pages from `first` on. */
export function pagesRecord(first: number, hashes: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(8 + hashes.length);
  new Float64Array(record.buffer, 0, 1)[0] = first;
  record.set(hashes, 8);
  return record;
}
