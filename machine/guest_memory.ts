/**
 * The guest's memory as our own code uses it: checked access, and the set of pages that changed.
 *
 * KVM's dirty log knows what the guest wrote, but not what we wrote; both belong to the dirty set
 * (dirty_set.ts) that digests and state transfers are made from. So all our writes go through `write`, those of
 * devices (devices/dma.ts) as well.
 */
import { assert } from "../base/assert.ts";
import type { DmaMemory } from "../devices/dma.ts";
import { GUEST_MEMORY_BYTES_MAX, GUEST_MEMORY_BYTES_MIN, PAGE_BYTES } from "./memory_map.ts";
import { UsageError } from "../base/errors.ts";

const PAGE_WORDS = PAGE_BYTES / 8;

/** Guest memory, viewed from this thread. */
export class GuestMemory implements DmaMemory {
  /** One bit a page, set where our own code wrote since the last `takeDirty`. */
  readonly #written: Uint8Array;
  readonly #words: BigUint64Array;

  /** @param bytes all of the guest's memory, from guest address 0 */
  constructor(readonly bytes: Uint8Array) {
    checkMemoryBytes(bytes.length);
    this.#words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    this.#written = new Uint8Array(bytes.length / PAGE_BYTES / 8);
  }

  /** How many pages there are. */
  get pages(): number {
    return this.bytes.length / PAGE_BYTES;
  }

  /** Whether `length` bytes from the guest address `address` on are all memory. */
  contains(address: number, length: number): boolean {
    return address >= 0 && length >= 0 && address + length <= this.bytes.length;
  }

  /** Fills `into` from a guest address that the caller has checked. */
  read(address: number, into: Uint8Array): void {
    assert(
      this.contains(address, into.length),
      `read of ${into.length} bytes at 0x${address.toString(16)} of ${this.bytes.length}`,
    );
    into.set(this.bytes.subarray(address, address + into.length));
  }

  /** Writes `bytes` at a guest address that the caller has checked. */
  write(address: number, bytes: Uint8Array): void {
    assert(
      this.contains(address, bytes.length),
      `write of ${bytes.length} bytes at 0x${address.toString(16)} of ${this.bytes.length}`,
    );
    this.bytes.set(bytes, address);
    if (bytes.length === 0) return;
    const last = Math.floor((address + bytes.length - 1) / PAGE_BYTES);
    for (let page = Math.floor(address / PAGE_BYTES); page <= last; page++) {
      this.#written[page >>> 3]! |= 1 << (page & 7);
    }
  }

  /** Makes all of memory zero, and dirty. */
  clear(): void {
    this.bytes.fill(0);
    this.#written.fill(0xff);
  }

  /** One page, as a view. */
  page(page: number): Uint8Array {
    return this.bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }

  /** Whether a page is all zero. */
  isZero(page: number): boolean {
    return isZeroPage(this.#words, page);
  }

  /**
   * Adds the pages that our code wrote to `bitmap` (KVM's format: one bit a page, lowest first) and
   * forgets them.
   */
  takeDirty(bitmap: Uint8Array): void {
    for (let index = 0; index < this.#written.length; index++) {
      bitmap[index]! |= this.#written[index]!;
    }
    this.#written.fill(0);
  }
}

/**
 * Checks a size of guest memory.
 * @throws UsageError unless a machine can have this much
 */
export function checkMemoryBytes(memoryBytes: number): void {
  // Whole bytes of KVM's bitmap, which is made of 64-bit words.
  const unit = PAGE_BYTES * 64;
  if (
    memoryBytes < GUEST_MEMORY_BYTES_MIN || memoryBytes > GUEST_MEMORY_BYTES_MAX ||
    memoryBytes % unit !== 0
  ) {
    throw new UsageError(
      `a guest can have ${GUEST_MEMORY_BYTES_MIN / 2 ** 20}M to ${
        GUEST_MEMORY_BYTES_MAX / 2 ** 20
      }M of memory in steps of ${unit / 1024}K, not ${memoryBytes} bytes`,
    );
  }
}

/** Whether a page is all zero, of memory in the widest words that there are. */
export function isZeroPage(words: BigUint64Array, page: number): boolean {
  const end = (page + 1) * PAGE_WORDS;
  for (let index = page * PAGE_WORDS; index < end; index++) {
    if (words[index] !== 0n) return false;
  }
  return true;
}

/** Calls `visit` with each page whose bit is set in `bitmap`, in ascending order. */
export function forEachPage(bitmap: Uint8Array, visit: (page: number) => void): void {
  for (let index = 0; index < bitmap.length; index++) {
    let byte = bitmap[index]!;
    while (byte !== 0) {
      const bit = 31 - Math.clz32(byte & -byte);
      visit(index * 8 + bit);
      byte &= byte - 1;
    }
  }
}
