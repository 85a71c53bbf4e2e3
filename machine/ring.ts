/**
 * A bounded ring of records between two threads: one writes, one reads.
 *
 * ```
 * SharedArrayBuffer
 *   0  i32 head   bytes ever written, modulo 2^32   (the writer's)
 *   4  i32 tail   bytes ever read, modulo 2^32      (the reader's)
 *   8  data, `capacity` bytes, a power of two
 *
 * record, 8-byte aligned
 *   0  u32 body length
 *   4  u32 kind
 *   8  body, padded to 8; it may wrap around the end of the data
 * ```
 *
 * Head and tail only ever move forward and each has one writer, so no lock is needed: the body is
 * written before the head moves (Atomics order it), and read before the tail does. A full ring makes
 * the writer wait, which is how a slow reader slows the guest instead of growing memory.
 *
 * The vCPU's worker waits with `Atomics.wait`; main must not block and waits with `waitAsync`.
 */
import { assert } from "../base/assert.ts";

const HEAD = 0;
const TAIL = 1;
const DATA_OFFSET = 8;
const RECORD_HEADER_BYTES = 8;

/** A record as read: its kind and a copy of its body. */
export interface RingRecord {
  readonly kind: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** One ring; the same class on both sides, each using its half. */
export class Ring {
  readonly #control: Int32Array;
  readonly #data: Uint8Array;
  readonly #words: Uint32Array;
  readonly #capacity: number;

  private constructor(readonly buffer: SharedArrayBuffer) {
    this.#control = new Int32Array(buffer, 0, 2);
    this.#data = new Uint8Array(buffer, DATA_OFFSET);
    this.#words = new Uint32Array(buffer, DATA_OFFSET);
    this.#capacity = this.#data.length;
  }

  /** A new ring that holds up to `capacityBytes` (a power of two) of records. */
  static create(capacityBytes: number): Ring {
    assert(
      capacityBytes >= 64 && (capacityBytes & (capacityBytes - 1)) === 0,
      `ring capacity ${capacityBytes}, expected a power of two of at least 64`,
    );
    return new Ring(new SharedArrayBuffer(DATA_OFFSET + capacityBytes));
  }

  /** The ring that another thread created in `buffer`. */
  static attach(buffer: SharedArrayBuffer): Ring {
    return new Ring(buffer);
  }

  /** Bytes now in the ring, record headers and padding included. */
  get usedBytes(): number {
    return (Atomics.load(this.#control, HEAD) - Atomics.load(this.#control, TAIL)) >>> 0;
  }

  /** The largest body that a record of this ring can have. */
  get bodyBytesMax(): number {
    return this.#capacity - RECORD_HEADER_BYTES;
  }

  /** Writes one record whose body is the concatenation of `parts`; false if there is no room now. */
  tryWrite(kind: number, ...parts: readonly Uint8Array[]): boolean {
    let bodyBytes = 0;
    for (const part of parts) bodyBytes += part.length;
    assert(
      bodyBytes <= this.bodyBytesMax,
      `a record of ${bodyBytes} bytes for a ring of ${this.#capacity}`,
    );
    const recordBytes = RECORD_HEADER_BYTES + align8(bodyBytes);
    if (this.usedBytes + recordBytes > this.#capacity) return false;
    const head = this.#control[HEAD]! >>> 0;
    const start = head & (this.#capacity - 1);
    this.#words[start >>> 2] = bodyBytes;
    this.#words[(start >>> 2) + 1] = kind;
    let at = head + RECORD_HEADER_BYTES;
    for (const part of parts) {
      this.#copyIn(at, part);
      at += part.length;
    }
    Atomics.store(this.#control, HEAD, (head + recordBytes) | 0);
    Atomics.notify(this.#control, HEAD);
    return true;
  }

  /** The oldest record, or undefined if the ring is empty. */
  tryRead(): RingRecord | undefined {
    const tail = this.#control[TAIL]! >>> 0;
    if (this.usedBytes === 0) return undefined;
    const start = tail & (this.#capacity - 1);
    const bodyBytes = this.#words[start >>> 2]!;
    const kind = this.#words[(start >>> 2) + 1]!;
    const body = this.#copyOut(tail + RECORD_HEADER_BYTES, bodyBytes);
    Atomics.store(this.#control, TAIL, (tail + RECORD_HEADER_BYTES + align8(bodyBytes)) | 0);
    Atomics.notify(this.#control, TAIL);
    return { kind, body };
  }

  /** Writes, blocking this thread while the ring is full. For the worker's side. */
  writeBlocking(kind: number, ...parts: readonly Uint8Array[]): void {
    for (;;) {
      const tail = Atomics.load(this.#control, TAIL);
      if (this.tryWrite(kind, ...parts)) return;
      Atomics.wait(this.#control, TAIL, tail);
    }
  }

  /** Resolves once the ring is not empty. For main's side. */
  async readable(): Promise<void> {
    for (;;) {
      const head = Atomics.load(this.#control, HEAD);
      if (this.usedBytes !== 0) return;
      const waited = Atomics.waitAsync(this.#control, HEAD, head);
      if (waited.async) await waited.value;
    }
  }

  /** Resolves once a record with a body of `bodyBytes` fits. For main's side. */
  async writable(bodyBytes: number): Promise<void> {
    for (;;) {
      const tail = Atomics.load(this.#control, TAIL);
      if (this.usedBytes + RECORD_HEADER_BYTES + align8(bodyBytes) <= this.#capacity) return;
      const waited = Atomics.waitAsync(this.#control, TAIL, tail);
      if (waited.async) await waited.value;
    }
  }

  #copyIn(position: number, bytes: Uint8Array): void {
    const start = position & (this.#capacity - 1);
    const first = Math.min(bytes.length, this.#capacity - start);
    this.#data.set(first === bytes.length ? bytes : bytes.subarray(0, first), start);
    if (first < bytes.length) this.#data.set(bytes.subarray(first), 0);
  }

  #copyOut(position: number, length: number): Uint8Array<ArrayBuffer> {
    const start = position & (this.#capacity - 1);
    const first = Math.min(length, this.#capacity - start);
    const bytes = new Uint8Array(length);
    bytes.set(this.#data.subarray(start, start + first));
    if (first < length) bytes.set(this.#data.subarray(0, length - first), first);
    return bytes;
  }
}

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}
