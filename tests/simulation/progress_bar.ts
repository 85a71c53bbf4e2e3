/**
 * A bar on standard error, if that is a terminal: how far a campaign is, and how fast.
 */

const WIDTH = 30;
/** Drawn four times a second at most. */
const DRAW_MS = 250;

/** See the top of the file. */
export class ProgressBar {
  readonly #startMs = performance.now();
  readonly #isShown = Deno.stderr.isTerminal();
  #drawnMs = 0;

  /** @param total how many there are, @param what of what */
  constructor(private readonly total: number, private readonly what: string) {}

  /** So many are done in a second. */
  rate(done: number): number {
    return done / (performance.now() - this.#startMs) * 1000;
  }

  /** So many are done. @returns whether it is time for people again, be there a bar or not */
  show(done: number): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < DRAW_MS) return false;
    this.#drawnMs = nowMs;
    if (!this.#isShown) return true;
    const filled = Math.round(WIDTH * done / this.total);
    const bar = "#".repeat(filled).padEnd(WIDTH, ".");
    this.#write(
      `\r[${bar}] ${done} of ${this.total}, ${this.rate(done).toFixed(0)} ${this.what}/s `,
    );
    return true;
  }

  /** Takes it away. */
  clear(): void {
    if (this.#isShown) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}
