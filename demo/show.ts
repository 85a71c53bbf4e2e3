/**
 * How the demo shows itself: one line a step, marked when it is done; below it, on a terminal only, one
 * line that moves. A file gets plain text without a control character.
 */

/** SGR sequences (ECMA-48, 8.3.117). */
const SGR = { red: 31, green: 32, cyan: 36, bold: 1, faint: 2 } as const;

/** How a piece of text looks on a terminal. */
export type Style = keyof typeof SGR;

const BAR_WIDTH = 30;
const LABEL_WIDTH = 24;

/** See the top of the file. */
export class Show {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #isColoured: boolean;
  #hasLiveLine = false;

  /** @param write takes text as it is to appear
   * @param isTerminal whether a line can be written over
   * @param isColoured whether escape sequences for colour are wanted */
  constructor(write: (text: string) => void, isTerminal: boolean, isColoured: boolean) {
    this.#write = write;
    this.#isTerminal = isTerminal;
    this.#isColoured = isColoured;
  }

  /** Shows on an output of this process, as that is. */
  static on(output: { writeSync(bytes: Uint8Array): number; isTerminal(): boolean }): Show {
    const encoder = new TextEncoder();
    const isTerminal = output.isTerminal();
    const write = (text: string) => {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length;) at += output.writeSync(bytes.subarray(at));
    };
    return new Show(write, isTerminal, isTerminal && !Deno.env.has("NO_COLOR"));
  }

  /** Text in a style. */
  paint(style: Style, text: string): string {
    return this.#isColoured ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text;
  }

  /** A line. */
  line(text = ""): void {
    this.#clearLive();
    this.#write(`${text}\n`);
  }

  /** A line that says how a step, or a check, came out. */
  mark(ok: boolean, label: string, finding: string): void {
    const sign = ok ? this.paint("green", "✓") : this.paint("red", "✗");
    this.line(`  ${sign} ${label.padEnd(LABEL_WIDTH)}  ${finding}`);
  }

  /** A line that is neither good nor bad. */
  note(label: string, finding: string): void {
    this.line(`    ${label.padEnd(LABEL_WIDTH)}  ${finding}`);
  }

  /** What is going on: shown on a terminal until the next line. @param share of it that is done, 0 to 1 */
  progress(label: string, share?: number): void {
    if (!this.#isTerminal) return;
    const full = Math.round(Math.min(1, share ?? 0) * BAR_WIDTH);
    const bar = this.paint("cyan", "█".repeat(full)) +
      this.paint("faint", "░".repeat(BAR_WIDTH - full));
    const text = share === undefined ? label : `${label.padEnd(LABEL_WIDTH)}  ${bar}`;
    this.#write(`\r\x1b[K  ${this.paint("cyan", "▸")} ${text}`);
    this.#hasLiveLine = true;
  }

  /** Takes the moving line away. */
  close(): void {
    this.#clearLive();
  }

  #clearLive(): void {
    if (this.#hasLiveLine) this.#write("\r\x1b[K");
    this.#hasLiveLine = false;
  }
}
