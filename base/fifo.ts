/**
 * A queue whose first element goes at the same cost however many wait behind it.
 *
 * An array's `shift` moves all the others once there are many: a console that puts out a megabyte, a line feed at a
 * time, would keep a side busy for hours with nothing but its queue. protocol/ has its outputs in these.
 */

/** See the top of the file. */
export class Fifo<T> implements Iterable<T> {
  #items: (T | undefined)[] = [];
  /** Where the first one is; before it there is nothing any more. */
  #head = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The one that goes next; undefined if none waits. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** The one that came last; undefined if none waits. */
  get last(): T | undefined {
    return this.#items.at(-1);
  }

  /** Adds one at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the first one out; undefined if none waits. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Half of it is gone: moving the rest costs no more than what has gone did.
    if (2 * this.#head >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Puts another one in the first one's place, of which there must be one. */
  replaceFirst(item: T): void {
    this.#items[this.#head] = item;
  }

  /** All that wait, in order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.slice(this.#head).values() as IterableIterator<T>;
  }
}
