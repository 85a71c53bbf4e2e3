/**
 * What the spin guest has to come to, computed here: written from guests/spin/src/lib.rs's description, and the
 * lines that it prints, read.
 *
 * Called by the tests and campaigns that run it.
 */
import assert from "node:assert/strict";

/** What a run is determined by. */
export interface SpinParameters {
  readonly seed: number;
  /** Pages of the working set. */
  readonly pages: number;
  /** Steps of arithmetic in a round. */
  readonly steps: number;
}

const PAGE_WORDS = 1024;
const PRIME = 0x0100_0193;

/** The same work as the guest's. About a second for 300 million steps, or 500,000 rounds. */
export class SpinWork {
  readonly #memory: Int32Array;
  readonly #double = new DataView(new ArrayBuffer(8));
  #x: number;
  #y = 0.5;
  #checksum = 0x811c_9dc5 | 0;
  /** Whole rounds so far. */
  rounds = 0;

  constructor(private readonly parameters: SpinParameters) {
    this.#memory = new Int32Array(parameters.pages * PAGE_WORDS);
    this.#x = parameters.seed === 0 ? 1 : parameters.seed | 0;
  }

  /** Goes on up to `rounds` whole rounds. @returns the running checksum there */
  runTo(rounds: number): number {
    assert.ok(rounds >= this.rounds, `${rounds} rounds, it is at ${this.rounds} already`);
    while (this.rounds < rounds) {
      this.#compute();
      this.#write();
      this.rounds++;
    }
    return this.#checksum >>> 0;
  }

  /** What the guest says at its end, were it here. */
  result(): number {
    return this.#memory.reduce(fold, this.#checksum) >>> 0;
  }

  #compute(): void {
    let x = this.#x;
    let y = this.#y;
    for (let step = 0; step < this.parameters.steps; step++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      y = y * 0.75 + (x >>> 0);
    }
    this.#x = x;
    this.#y = y;
  }

  #write(): void {
    const start = this.rounds % this.parameters.pages * PAGE_WORDS;
    let checksum = this.#checksum;
    for (let index = 0; index < PAGE_WORDS; index++) {
      const word = this.#memory[start + index]!;
      checksum = fold(checksum, word);
      this.#memory[start + index] = (word << 7 | word >>> 25) ^ this.#x + index;
    }
    this.#double.setFloat64(0, this.#y, true);
    checksum = fold(checksum, this.#double.getInt32(0, true));
    this.#checksum = fold(checksum, this.#double.getInt32(4, true));
  }
}

function fold(checksum: number, value: number): number {
  const mixed = Math.imul(checksum ^ value, PRIME);
  return mixed << 5 | mixed >>> 27;
}

/** What a checked run said. */
export interface SpinRun extends SpinParameters {
  readonly answers: number;
  readonly rounds: number;
}

/**
 * Checks all that a spin guest printed, from its first line to its result.
 * @throws AssertionError at the first line that is not what it has to be
 */
export function checkSpin(output: string): SpinRun {
  const [first = "", ...lines] = output.split("\n");
  const [, seed, pages, steps] = first.match(/^spin seed (\d+) pages (\d+) steps (\d+)$/) ??
    assert.fail(`first line: ${first}`);
  const parameters = { seed: Number(seed), pages: Number(pages), steps: Number(steps) };
  const work = new SpinWork(parameters);
  assert.equal(lines.pop(), "", "the last line is whole");
  const last = lines.pop() ?? assert.fail("no result");
  for (const [index, line] of lines.entries()) {
    const form = /^answer (\d+) (?:unknown request|round (\d+) checksum ([0-9a-f]{8}))$/;
    const [, number, round, checksum] = line.match(form) ?? assert.fail(`form of: ${line}`);
    assert.equal(Number(number), index + 1, line);
    if (round !== undefined) assert.equal(hex(work.runTo(Number(round))), checksum, line);
  }
  const [, rounds, checksum] = last.match(/^result rounds (\d+) checksum ([0-9a-f]{8})$/) ??
    assert.fail(`result: ${last}`);
  work.runTo(Number(rounds));
  assert.equal(hex(work.result()), checksum, last);
  return { ...parameters, answers: lines.length, rounds: Number(rounds) };
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
