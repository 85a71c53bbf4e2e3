/**
 * Sets of pages as KVM gives them: one bit a page, the lowest first. What pre_copy.ts asks of them.
 */

/** Whether a page is in a set. */
export function isIn(bitmap: Uint8Array, page: number): boolean {
  return (bitmap[page >>> 3]! & (1 << (page & 7))) !== 0;
}

/** Puts a page into a set. */
export function mark(bitmap: Uint8Array, page: number): void {
  bitmap[page >>> 3]! |= 1 << (page & 7);
}

/** How many pages are in a set. */
export function countPages(bitmap: Uint8Array): number {
  let count = 0;
  for (const byte of bitmap) for (let bits = byte; bits !== 0; bits &= bits - 1) count++;
  return count;
}
