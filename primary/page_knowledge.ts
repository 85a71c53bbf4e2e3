/**
 * What the machine's thread knows of the pages of its memory: the sums of its own digests, and the hashes that a
 * backup has told which gets the next state.
 *
 * A backup that is healed has most of memory right, and what was digested here need not be read again to say so. So
 * the digester outlives its log, as long as somebody is to get a state; while nobody is, it would cost for nothing.
 *
 * Used by the recorder.
 */
import { Digester } from "../machine/digest.ts";
import type { Machine } from "../machine/machine.ts";
import { PageHashes } from "../machine/page_hashes.ts";

/** See the top of the file. */
export class PageKnowledge {
  #digester: Digester | undefined;
  /** Undefined: nothing was told. */
  #told: PageHashes | undefined;

  constructor(private readonly machine: Machine) {}

  /** Digests the machine for a log that begins. */
  get digester(): Digester {
    return this.#digester ??= new Digester(this.machine, "everything");
  }

  /** Hashes of the backup's pages, as main hands them over. */
  tell(hashes: Uint8Array): void {
    this.#told ??= new PageHashes(this.machine.memory.pages);
    this.#told.add(hashes);
  }

  /** What was told is of no backup any more. */
  forgetTold(): void {
    this.#told = undefined;
  }

  /** The pages that the backup may lack, by what it has told; a bit each. From then on nothing is told. */
  takeDiffering(): Uint8Array<ArrayBuffer> {
    const { pages } = this.machine.memory;
    const bitmap = new Uint8Array(pages / 8).fill(0xff);
    this.#digester?.differing(this.#told ?? new PageHashes(pages), bitmap);
    this.#told = undefined;
    return bitmap;
  }

  /** Nobody is to get a state. */
  drop(): void {
    this.#digester?.[Symbol.dispose]();
    this.#digester = undefined;
  }
}
