/**
 * The running checksums of a machine: one of the exit sequence, one of the outputs.
 *
 * Each is two 32-bit lanes of multiply-rotate over the words fed in, in order; the pair is cheap
 * enough for every exit. Every frame carries the low lane, so that any difference between two runs shows
 * in the next one; a state carries both. They are not cryptographic: they find accidents, not forgeries
 * (the secure channel is for those).
 */

/** A running 64-bit checksum. */
export class RunningChecksum {
  #low = 0x243f6a88 | 0;
  #high = 0x13198a2e | 0;

  /** Takes in one 32-bit word. */
  word(value: number): void {
    const low = Math.imul(this.#low ^ value, 0x85ebca6b);
    this.#low = (low << 13) | (low >>> 19);
    const high = Math.imul(this.#high + value, 0xc2b2ae35);
    this.#high = (high << 17) | (high >>> 15);
  }

  /** Takes in bytes, one word each: outputs are short. */
  bytes(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) this.word(bytes[index]!);
  }

  /** The low half of the value so far: what frames carry. */
  get low(): number {
    return this.#low >>> 0;
  }

  /** The value so far. */
  get value(): bigint {
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  /** Goes on from a value that another machine had here. */
  set value(value: bigint) {
    this.#low = Number(value & 0xffff_ffffn) | 0;
    this.#high = Number((value >> 32n) & 0xffff_ffffn) | 0;
  }
}
