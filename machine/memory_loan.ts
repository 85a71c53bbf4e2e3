/**
 * Guest memory on loan: main reads it while the guest runs, and its owner, the vCPU's thread, may end at any time.
 * Memory that is read after it was unmapped would end the process.
 *
 * Main takes the loan for as long as it reads without a pause, which is short; the owner waits for it before it
 * unmaps. After that nobody gets it any more.
 *
 * Both ends of a channel have one, over the same word.
 */

const FREE = 0;
const TAKEN = 1;
const GONE = 2;

/** See the top of the file. The owner disposes of its end before it unmaps the memory. */
export class MemoryLoan implements Disposable {
  readonly #word: Int32Array;

  /** @param buffer 4 bytes, zero at first */
  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer);
  }

  /** Main: the memory stays where it is until `giveBack`. False: it has gone. Not twice. */
  take(): boolean {
    return Atomics.compareExchange(this.#word, 0, FREE, TAKEN) === FREE;
  }

  /** Main: ends what `take` has begun. */
  giveBack(): void {
    Atomics.store(this.#word, 0, FREE);
    Atomics.notify(this.#word, 0);
  }

  /** The owner: waits until nobody reads; from now on nobody does. */
  [Symbol.dispose](): void {
    while (Atomics.compareExchange(this.#word, 0, FREE, GONE) === TAKEN) {
      Atomics.wait(this.#word, 0, TAKEN);
    }
  }
}
