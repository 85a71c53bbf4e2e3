/**
 * The hashes of another machine's pages: what a state transfer to it can leave out.
 *
 * A backup that has diverged tells them, most of its pages being right; memory_digest.ts makes them. Two pages that
 * differ have the same hash once in 2^64 times, and then the next digest finds it.
 */
import { PAGE_HASH_BYTES } from "./memory_digest.ts";

/** See the top of the file. */
export class PageHashes {
  readonly #words: Uint32Array;
  /** They are told one after the other, from the first one on. */
  #pages = 0;

  /** @param pages how many there are */
  constructor(pages: number) {
    this.#words = new Uint32Array(2 * pages);
  }

  /** Adds the hashes of the next pages, two u32 each. */
  add(hashes: Uint8Array): void {
    this.#words.set(new Uint32Array(hashes.slice().buffer), 2 * this.#pages);
    this.#pages += hashes.length / PAGE_HASH_BYTES;
  }

  /** Whether the other one's page has this hash. */
  has(page: number, low: number, high: number): boolean {
    return page < this.#pages && this.#words[2 * page] === low &&
      this.#words[2 * page + 1] === high;
  }
}
