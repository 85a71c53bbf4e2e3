/**
 * Numbers in bytes, for the second implementation of the log's format: plain TypeScript, written from
 * docs/LOG-FORMAT.md alone, apart from the Rust code, for tests to compare that with. Tests only.
 */

/** What the reference throws at whatever docs/LOG-FORMAT.md says is refused; its message names the rule. */
export class ReferenceRefusal extends Error {}

/** Refuses what breaks a rule. @throws {ReferenceRefusal} */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new ReferenceRefusal(rule);
}

/** A number that a sum made; they are bounded as varints are. */
export function safe(sum: number): number {
  must(sum <= Number.MAX_SAFE_INTEGER, "a number is above 2^53 - 1");
  return sum;
}

/** Reads bytes from the front to the end; refuses to read on. */
export class ByteReader {
  #at = 0;

  constructor(private readonly source: Uint8Array) {}

  /** How many bytes are left. */
  get left(): number {
    return this.source.length - this.#at;
  }

  /** A u8. */
  byte(): number {
    must(this.left > 0, "it ends inside a field");
    return this.source[this.#at++]!;
  }

  /** So many bytes, not copied. */
  bytes(count: number): Uint8Array {
    must(count <= this.left, "it ends inside a field");
    return this.source.subarray(this.#at, this.#at += count);
  }

  /** A u16, u24 or u32. */
  fixed(byteCount: number): number {
    return this.bytes(byteCount).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** A varint, up to `most`. */
  varint(most = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let place = 1; place < 2 ** 56; place *= 128) {
      const byte = this.byte();
      value += (byte & 127) * place;
      if (byte >= 128) continue;
      must(byte !== 0 || place === 1, "a varint is longer than it has to be");
      must(value <= most, `a number is above its limit`);
      return value;
    }
    throw new ReferenceRefusal("a varint does not end");
  }
}

/** Appends a fixed-width number. */
export function putFixed(out: number[], value: number, byteCount: number): void {
  for (let byte = 0; byte < byteCount; byte++) out.push(Math.floor(value / 256 ** byte) % 256);
}

/** Appends a varint. */
export function putVarint(out: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push(rest % 128 + 128);
  out.push(rest);
}

/** Appends bytes. */
export function putBytes(out: number[], bytes: Iterable<number>): void {
  for (const byte of bytes) out.push(byte);
}

/** Draws a number from 0 to `limit - 1`. */
export type Draw = (limit: number) => number;

/** Draws that a seed of 32 bits repeats (mulberry32). */
export function drawsOf(seed: number): Draw {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor(((word ^ (word >>> 14)) >>> 0) / 2 ** 32 * limit);
  };
}
