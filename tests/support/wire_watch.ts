/**
 * Ends the wire campaign when it hangs: a loop that never ends can be seen from another thread only.
 *
 * Called by campaigns/wire.ts.
 */
/** Milliseconds that one episode may take: thousands of times what it takes on a busy host. */
export const EPISODE_MS = 60_000;

/** What the two threads share, an Int32Array: the episode under way. */
export class WireWatch implements Disposable {
  readonly #cells = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker = new Worker(new URL("./wire_watch_worker.ts", import.meta.url), {
    type: "module",
  });

  constructor(seed: number) {
    this.#worker.postMessage({ cells: this.#cells, seed });
  }

  /** An episode has come to its end. */
  alive(episode: number): void {
    Atomics.store(this.#cells, 0, episode + 1);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
