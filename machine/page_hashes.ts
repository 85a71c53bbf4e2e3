/**
 * The hashes of another machine's pages: what a state transfer to it can leave out.
 *
 * A backup that has diverged tells them, most of its pages being right; memory_digest.ts makes them. Two pages that
 * differ have the same hash once in 2^64 times, and then the next digest finds it.
 */
import { PAGE_HASH_BYTES, PageHasher } from "./memory_digest.ts";

/** See the top of the file. */
export class PageHashes {
  readonly #words: Uint32Array;
  readonly #hasher: PageHasher;
  /** They are told one after the other, from the first one on. */
  #pages = 0;

  /** @param memory this machine's: the other one has as much */
  constructor(memory: Uint8Array) {
    this.#hasher = new PageHasher(memory);
    this.#words = new Uint32Array(2 * this.#hasher.pages);
  }

  /** Adds the hashes of the other one's pages from `first` on, two u32 each. */
  add(first: number, hashes: Uint8Array): void {
    this.#words.set(new Uint32Array(hashes.slice().buffer), 2 * first);
    this.#pages = first + hashes.length / PAGE_HASH_BYTES;
  }

  /** Whether the other one's page is the same as this machine's is now, which is read for that. */
  has(page: number): boolean {
    if (page >= this.#pages) return false;
    this.#hasher.hash(page);
    const { low, high } = this.#hasher;
    return this.#words[2 * page] === low && this.#words[2 * page + 1] === high;
  }
}
