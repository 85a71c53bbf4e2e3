/** The reference's dense level: a model of bits, and the coder it drives (docs/LOG-FORMAT.md, Dense). Tests only. */
import { must } from "./reference_bytes_test_support.ts";
import { MAX_LENGTH, ReferenceMatch } from "./reference_match_test_support.ts";

/** Codes a bit that is 1 with `p` of 4,096 parts. @param wanted the bit, to who knows it @returns the bit */
export type CodeBit = (p: number, wanted: number) => number;

const CONTEXTS = 6;
const INPUTS = CONTEXTS + 1;
const CELLS = 2 ** 16;
const MAX_WEIGHT = 2 ** 20;
const MAX_COUNT = 30;

// deno-fmt-ignore
const LOGISTIC = [
  1, 2, 4, 6, 10, 17, 27, 45, 74, 120, 194,
  311, 488, 747, 1102, 1546, 2048, 2550, 2994, 3349, 3608, 3785,
  3902, 3976, 4022, 4051, 4069, 4079, 4086, 4090, 4092, 4094, 4095,
];

function squash(d: number): number {
  const from = Math.max(-2047, Math.min(2047, d)) + 2048;
  const i = from >> 7;
  const f = from % 128;
  return LOGISTIC[i]! * (128 - f) + LOGISTIC[i + 1]! * f + 64 >> 7;
}

const STRETCH = Int16Array.from({ length: 4096 }, (_, p) => {
  for (let d = -2047; d <= 2047; d++) if (squash(d) >= p) return d;
  return 2047;
});
const RATE = Uint16Array.from({ length: MAX_COUNT + 1 }, (_, n) => Math.floor(65_536 / (n + 1.5)));

/** How probable it is that something comes true, by how often it has. */
class Cells {
  readonly #q: Uint16Array;
  readonly #n: Uint8Array;

  constructor(count: number) {
    this.#q = new Uint16Array(count).fill(2 ** 15);
    this.#n = new Uint8Array(count);
  }

  stretched(cell: number): number {
    return STRETCH[this.#q[cell]! >> 4]!;
  }

  learn(cell: number, bit: number): void {
    const n = this.#n[cell]!;
    const q = this.#q[cell]!;
    this.#q[cell] = q + ((bit * 65_535 - q) * RATE[n]! >> 16);
    if (n < MAX_COUNT) this.#n[cell] = n + 1;
  }
}

/** What a chain has taught of its payloads' bits. */
export class DenseModel {
  // Six tables, one behind the other.
  readonly #contexts = new Cells(CONTEXTS * CELLS);
  readonly #lengths = new Cells(MAX_LENGTH + 1);
  readonly #weights = new Int32Array(512 * INPUTS).fill(2 ** 14);
  readonly #match = new ReferenceMatch();
  /** The fast payload of the frame before. */
  #before = new Uint8Array();
  // Of the byte that is being coded, and of its current bit.
  readonly #bases = new Int32Array(CONTEXTS);
  readonly #cells = new Int32Array(CONTEXTS);
  readonly #s = new Int32Array(INPUTS);
  /** The bit that the match expects. */
  #expected: number | undefined;
  /** Where its set of weights is. */
  #set = 0;

  /** Codes all of a fast payload: where `code` knows the bits from the payload, or else into it. */
  pass(payload: Uint8Array<ArrayBuffer>, code: CodeBit): void {
    for (let i = 0; i < payload.length; i++) {
      this.#findBases(payload, i);
      const byte = payload[i]!;
      let partial = 1;
      for (let place = 7; place >= 0; place--) {
        const p = this.#predict(partial, place);
        const bit = code(p, byte >> place & 1);
        this.#learn(p, bit);
        partial = partial << 1 | bit;
      }
      payload[i] = partial;
      this.#match.take(payload[i]!);
    }
    this.#before = payload;
  }

  #findBases(payload: Uint8Array, i: number): void {
    const c = (back: number) => i < back ? 0 : payload[i - back]!;
    const f = (index: number) => index < this.#before.length ? this.#before[index]! : 0;
    const two = c(1) + 256 * c(2);
    const three = two + 65_536 * c(3);
    const four = three + 2 ** 24 * c(4);
    const six = Math.imul(four, 0x2f0b4c47) + c(5) + 256 * c(6);
    const place = Math.min(i, 255) + 256 * f(i) + 65_536 * f(i + 1);
    for (const [k, context] of [c(1), two, three, four, six, place].entries()) {
      this.#bases[k] = Math.imul(context + 1, 0x9e3779b1) + Math.imul(k + 1, 0x85ebca6b);
    }
  }

  /** Finds the cells of the bit at `place`. @returns its probability */
  #predict(partial: number, place: number): number {
    for (let k = 0; k < CONTEXTS; k++) {
      const key = this.#bases[k]! + Math.imul(partial, 0xc2b2ae35);
      const cell = this.#cells[k] = k * CELLS + (Math.imul(key, 0x2c1b3c6d) >>> 16);
      this.#s[k] = this.#contexts.stretched(cell);
    }
    const { byte, length } = this.#match;
    const isRightSoFar = byte !== undefined && (byte | 256) >> (place + 1) === partial;
    this.#expected = isRightSoFar ? byte >> place & 1 : undefined;
    const trust = this.#lengths.stretched(length);
    this.#s[CONTEXTS] = this.#expected === undefined ? 0 : this.#expected === 1 ? trust : -trust;
    this.#set = (partial + (this.#expected === undefined ? 0 : 256)) * INPUTS;
    let sum = 0;
    for (let k = 0; k < INPUTS; k++) sum += this.#s[k]! * this.#weights[this.#set + k]!;
    return Math.max(1, Math.min(4095, squash(Math.floor(sum / 65_536))));
  }

  #learn(p: number, bit: number): void {
    const error = (bit * 4096 - p) * 10;
    for (let k = 0; k < INPUTS; k++) {
      const weight = this.#weights[this.#set + k]! + (this.#s[k]! * error + 2 ** 15 >> 16);
      this.#weights[this.#set + k] = Math.max(-MAX_WEIGHT, Math.min(MAX_WEIGHT, weight));
    }
    for (let k = 0; k < CONTEXTS; k++) this.#contexts.learn(this.#cells[k]!, bit);
    if (this.#expected !== undefined) {
      this.#lengths.learn(this.#match.length, bit === this.#expected ? 1 : 0);
    }
  }
}

/** The interval that the bits so far leave, as encoder and decoder both follow it. */
class Interval {
  low = 0;
  high = 2 ** 32 - 1;

  /** The last number of a 1's part. */
  mid(p: number): number {
    return this.low + ((this.high - this.low) >>> 12) * p;
  }

  /** Takes a bit's part; `shift` is called with every byte that goes out. */
  take(mid: number, bit: number, shift: (byte: number) => void): void {
    if (bit === 1) this.high = mid;
    else this.low = mid + 1;
    while (this.low >>> 24 === this.high >>> 24) {
      shift(this.low >>> 24);
      this.low = this.low << 8 >>> 0;
      this.high = (this.high << 8 | 255) >>> 0;
    }
  }
}

/** Decodes what was coded of a payload of so many bytes. @throws {ReferenceRefusal} */
export function decodeDense(
  coded: Uint8Array,
  byteCount: number,
  model: DenseModel,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(byteCount);
  const interval = new Interval();
  const byteAt = (at: number) => at < coded.length ? coded[at]! : 0;
  let number = (byteAt(0) << 24 | byteAt(1) << 16 | byteAt(2) << 8 | byteAt(3)) >>> 0;
  let out = 0;
  const shift = () => {
    out++;
    // The position never goes back, so that this is known before the last bit.
    must(out <= coded.length, "coded bytes are missing");
    number = (number << 8 | byteAt(out + 3)) >>> 0;
  };
  model.pass(payload, (p) => {
    const mid = interval.mid(p);
    const bit = number <= mid ? 1 : 0;
    interval.take(mid, bit, shift);
    return bit;
  });
  must(coded.length - out <= 4, "there are coded bytes that say nothing");
  return payload;
}

/** Codes a payload. */
export function encodeDense(payload: Uint8Array<ArrayBuffer>, model: DenseModel): number[] {
  const coded: number[] = [];
  const interval = new Interval();
  model.pass(payload, (p, bit) => {
    interval.take(interval.mid(p), bit, (byte) => coded.push(byte));
    return bit;
  });
  // The highest bytes differ: the number that is one more in low's, with zeros behind it, is not above high.
  if (interval.low > 0) coded.push((interval.low >>> 24) + 1);
  return coded;
}

/** Learns a payload that was not coded. */
export function learnDense(payload: Uint8Array<ArrayBuffer>, model: DenseModel): void {
  model.pass(payload, (_, bit) => bit);
}
