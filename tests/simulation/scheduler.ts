/**
 * The simulation's time: what is to happen, in its order. Nothing else lets time pass.
 *
 * A binary heap; what is due at the same moment happens in the order in which it was asked for.
 */

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

const before = (one: Due, other: Due) =>
  one.atMs < other.atMs || one.atMs === other.atMs && one.order < other.order;

/** See the top of the file. */
export class Scheduler {
  /** The true time in milliseconds: what no side can read. */
  nowMs = 0;
  /** How many things have happened. */
  steps = 0;
  readonly #heap: Due[] = [];
  #order = 0;

  /** Lets `run` happen `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    const heap = this.#heap;
    const due = { atMs: this.nowMs + delayMs, order: this.#order++, run };
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(due, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
  }

  /** Goes to the next thing that is due and lets it happen; false if nothing is. */
  step(): boolean {
    const first = this.#heap[0];
    if (first === undefined) return false;
    this.#remove();
    this.nowMs = first.atMs;
    this.steps++;
    first.run();
    return true;
  }

  #remove(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
