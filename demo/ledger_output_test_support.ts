/**
 * The ledger guest's output, made up for tests of who reads it.
 *
 * Written a second time, with its own FNV-1a, and held to the example in guests/ledger/src/lib.rs by
 * `ledger_checker_test.ts`: so that the checker is not tested against itself.
 */

/** Prints lines as the guest does, also such as it never would. */
export class LedgerOutput {
  readonly lines: string[] = [];
  #hash = 0x811c9dc5n;
  #ticks = 0;
  #balance = 0;
  #operations = 0;
  #total = 0;

  /** Begins with the boot line. */
  constructor() {
    this.print("boot", "ledger 100ms");
  }

  /** All lines as one text. */
  get text(): string {
    return this.lines.map((line) => `${line}\n`).join("");
  }

  /** Any line. */
  print(kind: string, rest: string, request?: string): this {
    if (request !== undefined) this.#fold(`${request}\n`);
    const line = `${this.lines.length + 1} ${kind} ${rest} `;
    this.#fold(line);
    this.lines.push(`${line}~${this.#hash.toString(16).padStart(8, "0")}`);
    return this;
  }

  /** A line that has to do with a request. */
  reply(kind: string, request: string, result: string): this {
    return this.print(kind, `${request} => ${result}`, request);
  }

  /** The next tick. */
  tick(ms = 100 * (this.#ticks + 1), k = this.#ticks + 1): this {
    this.#ticks = k;
    return this.print("tick", `${k} ${ms}ms`);
  }

  /** Applies `#k add operand`. */
  add(k: number, operand: number): this {
    this.#balance += operand;
    this.#operations++;
    this.#total += Math.abs(operand);
    return this.reply("answer", `#${k} add ${operand}`, `${this.#balance}`);
  }

  /** `#k sum`, then `#k+1 quit`. */
  end(k: number): this {
    this.reply("answer", `#${k} sum`, `${this.#operations} operations, total ${this.#total}`);
    return this.reply("bye", `#${k + 1} quit`, `balance ${this.#balance}`);
  }

  #fold(text: string): void {
    for (const byte of new TextEncoder().encode(text)) {
      this.#hash = ((this.#hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn;
    }
  }
}

/** An output in which all is right: ticks, `requests` additions, a sum, a quit. */
export function goodOutput(requests = 8): LedgerOutput {
  const output = new LedgerOutput();
  for (let k = 1; k <= requests; k++) {
    if (k % 3 === 1) output.tick();
    output.add(k, (k * 37) % 100 - 40);
  }
  return output.end(requests + 1);
}
