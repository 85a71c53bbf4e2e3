/**
 * Which pages of memory a state transfer has to send.
 *
 * The pages of a machine that has not run are all zero, and those of one that is healed are mostly right: it has
 * told their hashes. What is at the backup already, and was never sent, is left out, also when the guest has
 * written to it meanwhile and it is as it was.
 *
 * Asked by pre_copy.ts, page by page, while the guest runs: a page that is read amid a write is asked for again.
 */
import type { GuestMemory } from "../machine/guest_memory.ts";
import { PageHasher } from "../machine/memory_digest.ts";
import type { PageHashes } from "../machine/page_hashes.ts";
import { isIn, mark } from "./page_bitmap.ts";

/** Pages that are looked at in one go: looking for zeros, or hashing, for a fraction of a millisecond. */
const LOOKS_FOR_ZEROS = 1024;
const LOOKS_AT_HASHES = 128;

/** See the top of the file. */
export class PageChoice {
  /** How many pages may be asked for in one go. */
  readonly atOnce: number;
  /** One bit a page: it was sent, so that the backup's may be any. */
  readonly #sent: Uint8Array;
  readonly #hasher: PageHasher;

  /** @param known what the backup has; undefined: its memory is all zero */
  constructor(private readonly memory: GuestMemory, private readonly known?: PageHashes) {
    this.#sent = new Uint8Array(memory.pages / 8);
    this.#hasher = new PageHasher(memory.bytes);
    this.atOnce = known === undefined ? LOOKS_FOR_ZEROS : LOOKS_AT_HASHES;
  }

  /** Whether the backup's page may be another than this one is now. */
  isNeeded(page: number): boolean {
    if (isIn(this.#sent, page)) return true;
    if (this.known === undefined) return !this.memory.isZero(page);
    this.#hasher.hash(page);
    return !this.known.has(page, this.#hasher.low, this.#hasher.high);
  }

  /** These have been sent. */
  noteSent(pages: readonly number[]): void {
    for (const page of pages) mark(this.#sent, page);
  }
}
