/**
 * Keeps the production code's promises in step with the simulation's time.
 *
 * The claimer and the file arbiter wait for one operation after the other. When one is answered, their code
 * runs as microtasks, until it waits for the next operation or is done: then the simulation goes on. So a run
 * stays a function of its seed, and nothing real is waited for.
 */

/** Microtasks between an answer and what the production code then does, at most. */
const MICROTASKS_MAX = 200;

/** See the top of the file. */
export class SimPromises {
  #marks = 0;
  #settledAt: number | undefined;

  /** Some code waits for the simulation again, or is done. */
  noteWait(): void {
    this.#marks++;
  }

  /** A promise that some code waits for has been settled. */
  noteSettled(): void {
    this.#settledAt = this.#marks;
  }

  /** Code has to run before the simulation goes on. */
  get isPending(): boolean {
    return this.#settledAt !== undefined;
  }

  /** Lets it run. */
  async run(): Promise<void> {
    for (let count = 0; count < MICROTASKS_MAX && this.#marks === this.#settledAt; count++) {
      await undefined;
    }
    this.#settledAt = undefined;
  }
}
