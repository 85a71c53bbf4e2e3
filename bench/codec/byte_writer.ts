/**
 * Bytes that are appended, little-endian, to a buffer that grows. For the encodings that ours is compared with.
 */

/** See the top of the file. */
export class ByteWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** How long it is. */
  get length(): number {
    return this.#length;
  }

  /** One byte. */
  u8(value: number): void {
    this.#bytes[this.#grow(1)] = value;
  }

  /** Four bytes. */
  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  /** Eight bytes, of a safe integer. */
  u64(value: number): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  /** LEB128: seven bits a byte, the lowest first, of a safe integer. */
  varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.u8(rest % 128 + 128);
    this.u8(rest);
  }

  /** As they are. */
  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** What has been written from an offset on; good until more is written. */
  from(offset: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(offset, this.#length);
  }

  /** Forgets all of it. */
  clear(): void {
    this.#length = 0;
  }

  /** Makes room, and says where. */
  #grow(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
