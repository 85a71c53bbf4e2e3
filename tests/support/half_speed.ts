/**
 * A process slowed to half speed: stopped for half of the time.
 *
 * Called by the tests of flow control.
 */
import type { SideProcess } from "../../demo/side_process.ts";

/** How long it is stopped, and how long it then runs. */
const HALF_MS = 20;

/** See the top of the file; as long as this is not disposed of. The process is left running. */
export class HalfSpeed implements AsyncDisposable {
  #isOver = false;
  readonly #cycling: Promise<void>;
  /** How often it was stopped. */
  stops = 0;

  constructor(private readonly side: SideProcess) {
    this.#cycling = this.#cycle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#cycling;
  }

  async #cycle(): Promise<void> {
    while (!this.#isOver && this.side.exit === undefined) {
      this.side.pause();
      this.stops++;
      await sleep(HALF_MS);
      if (this.side.exit === undefined) this.side.resume();
      await sleep(HALF_MS);
    }
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
