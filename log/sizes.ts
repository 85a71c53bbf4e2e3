/**
 * Sizes of events, counted: their sum, mean and median, exactly, however many there are.
 *
 * What is kept is a count for each size that occurs, and an event has at most some 256 KiB: 10 MiB for a log that has
 * an event of every size, which is a log of 32 GiB. Used by stat.ts.
 */

/** What sizes are like. */
export interface Distribution {
  readonly mean: number;
  /** Of an even number of sizes, the smaller of the two in the middle. */
  readonly median: number;
}

/** See the top of the file. */
export class Sizes {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #sum = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** All of them together. */
  get sum(): number {
    return this.#sum;
  }

  /** One more. */
  add(size: number): void {
    this.#counts.set(size, (this.#counts.get(size) ?? 0) + 1);
    this.#count++;
    this.#sum += size;
  }

  /** Of at least one size. */
  distribution(): Distribution {
    const ascending = [...this.#counts].sort(([one], [other]) => one - other);
    let before = 0;
    const middle = ascending.find(([, count]) => 2 * (before += count) >= this.#count)!;
    return { mean: this.#sum / this.#count, median: middle[0] };
  }
}
