/**
 * The dirty set: the pages that the guest or our own code wrote, for every listener since it asked last.
 *
 * KVM's log and that of our own writes start anew when they are read, so whoever reads one takes it from all
 * others. Here both are read in one place, and what is found is added to a bitmap of each listener's own:
 *
 * ```
 *   KVM_GET_DIRTY_LOG ─┐            ┌─▶ memory digest   one bit a page
 *                      ├─▶ drain ───┼─▶ state transfer
 *   GuestMemory.write ─┘            └─▶ ...
 * ```
 *
 * A page that was written is in it, always; but a page that is in it need not have been written: KVM counts as dirty
 * what it maps writable, and may do so when the guest reads or executes it.
 *
 * While nobody listens KVM does not log: the guest's first write to each page after a drain costs a fault, and
 * hosts map logged memory in small pages only. Reading the log costs tens of nanoseconds a dirty page, and so
 * does switching it on; KVM_CLEAR_DIRTY_LOG would spread out that cost, which is a hundredth of the faults'.
 *
 * Called by digests and state transfers, in the thread of the machine and between two KVM_RUNs.
 */
import { assert } from "../base/assert.ts";
import { dirtyListenerCount } from "../base/limits.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** KVM's log of what the guest wrote. */
export interface DirtyLog {
  /** Switches it on, empty, or off. */
  setLogging(isOn: boolean): void;
  /** Reads it and starts anew: one bit a page, the lowest first; all of `bitmap` is overwritten. */
  read(bitmap: Uint8Array<ArrayBuffer>): void;
}

/**
 * What a listener's first `take` has: `nothing` but what is written from now on, which is for those that know
 * memory as it is now; or `everything`, all pages, for those that have seen none.
 */
export type FirstTake = "nothing" | "everything";

/** One machine's dirty set. */
export class DirtySet {
  readonly #listeners = new Set<DirtyListener>();
  /** What a drain found. */
  readonly #found: Uint8Array<ArrayBuffer>;

  constructor(private readonly memory: GuestMemory, private readonly log: DirtyLog) {
    this.#found = new Uint8Array(memory.pages / 8);
  }

  /** Who listens, by name. */
  get listeners(): string[] {
    return [...this.#listeners].map(({ name }) => name);
  }

  /**
   * Listens from now on, until the listener is disposed of.
   * @param name what it is for, in messages; need not be unique
   */
  listen(name: string, firstTake: FirstTake): DirtyListener {
    const count = this.#listeners.size;
    assert(
      count < dirtyListenerCount,
      `"${name}" listens to the dirty set, and already ${this.listeners}: ${count} of ${dirtyListenerCount}`,
    );
    // What was written until now is no affair of the new one's.
    if (count > 0) this.#drain();
    else this.#begin();
    const listener = new DirtyListener(name, this.#found.length, {
      drain: () => this.#drain(),
      leave: () => this.#leave(listener),
    });
    if (firstTake === "everything") listener.bitmap.fill(0xff);
    this.#listeners.add(listener);
    return listener;
  }

  #begin(): void {
    this.log.setLogging(true);
    this.memory.takeDirty(this.#found);
  }

  #drain(): void {
    this.log.read(this.#found);
    this.memory.takeDirty(this.#found);
    const words = wordsOf(this.#found);
    for (const { bitmap } of this.#listeners) {
      const own = wordsOf(bitmap);
      for (let index = 0; index < words.length; index++) own[index]! |= words[index]!;
    }
  }

  #leave(listener: DirtyListener): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.log.setLogging(false);
  }
}

/** One who wants to know what was written. {@link DirtySet.listen} makes them. */
export class DirtyListener implements Disposable {
  /** What was drained and not yet taken: one bit a page, the lowest first. The dirty set adds to it. */
  readonly bitmap: Uint8Array<ArrayBuffer>;

  /** @param bytes the size of a bitmap */
  constructor(
    readonly name: string,
    bytes: number,
    private readonly set: { drain(): void; leave(): void },
  ) {
    this.bitmap = new Uint8Array(bytes);
  }

  /**
   * The pages that were written since the last call.
   * @param into overwritten: one bit a page, the lowest first
   * @returns how many pages
   */
  take(into: Uint8Array): number {
    const { bitmap } = this;
    assert(into.length === bitmap.length, `${into.length} bytes for a bitmap of ${bitmap.length}`);
    this.set.drain();
    into.set(bitmap);
    let pages = 0;
    for (const word of wordsOf(bitmap)) if (word !== 0) pages += bitsOf(word);
    bitmap.fill(0);
    return pages;
  }

  /** Listens no more. A second call does nothing. */
  [Symbol.dispose](): void {
    this.set.leave();
  }
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4);
}

/** How many bits of a word of 32 are set: sums of neighbours, two, four, eight at a time. */
function bitsOf(word: number): number {
  word -= (word >>> 1) & 0x5555_5555;
  word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
  word = (word + (word >>> 4)) & 0x0f0f_0f0f;
  return Math.imul(word, 0x0101_0101) >>> 24;
}
