/** The reference's longest match in a chain's history (docs/LOG-FORMAT.md, Dense). Tests only. */

/** Longer matches count as this long. */
export const MAX_LENGTH = 32;
const REACH = 2 ** 20 - MAX_LENGTH;

/** See the top of the file. */
export class ReferenceMatch {
  /** All of it, though less is ever looked at. */
  #history: number[] = [];
  readonly #table = new Uint32Array(2 ** 16);
  #at = 0;
  #length = 0;

  /** How long it is; 0: there is none. */
  get length(): number {
    return this.#length;
  }

  /** The byte that it expects. */
  get byte(): number | undefined {
    return this.#length > 0 ? this.#history[this.#at] : undefined;
  }

  /** Takes in the next byte. */
  take(byte: number): void {
    if (this.#history.length === 2 ** 24) {
      this.#history = [];
      this.#table.fill(0);
      this.#length = 0;
    }
    const isRight = this.byte === byte;
    this.#history.push(byte);
    this.#length = isRight ? Math.min(this.#length + 1, MAX_LENGTH) : 0;
    this.#at++;
    const n = this.#history.length;
    if (n < 5) return;
    const b = (back: number) => this.#history[n - back]!;
    const four = b(1) + 256 * b(2) + 65_536 * b(3) + 2 ** 24 * b(4);
    const sum = Math.imul(four, 0x9e3779b1) + Math.imul(b(5), 0x85ebca6b);
    const place = Math.imul(sum, 0x2c1b3c6d) >>> 16;
    const last = this.#table[place]!;
    this.#table[place] = n;
    if (this.#length > 0 || last === 0 || n - last >= REACH) return;
    this.#at = last;
    while (
      this.#length < MAX_LENGTH && this.#length < last &&
      this.#history[last - 1 - this.#length] === this.#history[n - 1 - this.#length]
    ) this.#length++;
  }
}
