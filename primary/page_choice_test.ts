import assert from "node:assert/strict";
import { GuestMemory } from "../machine/guest_memory.ts";
import { MemoryDigest } from "../machine/memory_digest.ts";
import { GUEST_MEMORY_BYTES_MIN, PAGE_BYTES } from "../machine/memory_map.ts";
import { PageHashes } from "../machine/page_hashes.ts";
import { PageChoice } from "./page_choice.ts";

/** A memory with something in these pages. */
function memoryWith(...pages: readonly number[]): GuestMemory {
  const memory = new GuestMemory(new Uint8Array(GUEST_MEMORY_BYTES_MIN));
  for (const page of pages) memory.page(page)[7] = page;
  return memory;
}

/** What a machine with this memory would tell. */
function told(memory: GuestMemory): Uint8Array {
  const digest = new MemoryDigest(memory.bytes);
  for (let page = 0; page < memory.pages; page++) digest.update(page);
  return digest.hashes();
}

function needed(choice: PageChoice, { pages }: GuestMemory): number[] {
  return [...Array(pages).keys()].filter((page) => choice.isNeeded(page));
}

Deno.test("a machine that has not run needs what is not zero, and what was sent to it before", () => {
  const memory = memoryWith(3, 5);
  const choice = new PageChoice(memory);
  assert.deepEqual(needed(choice, memory), [3, 5]);
  choice.noteSent([3]);
  memory.page(3).fill(0);
  assert.deepEqual(needed(choice, memory), [3, 5]);
});

Deno.test("a machine that is healed needs what differs: other bytes, zeros in their place, bytes in a zero's", () => {
  const memory = memoryWith(1, 2, 4);
  const theirs = memoryWith(1, 2, 3);
  theirs.page(2)[PAGE_BYTES - 1] = 1;
  const hashes = new PageHashes(memory.pages);
  hashes.add(told(theirs));
  const choice = new PageChoice(memory, hashes);
  assert.deepEqual(needed(choice, memory), [2, 3, 4]);
});

Deno.test("a page that the guest has written to and that is as it was is not sent, unless it was before", () => {
  const memory = memoryWith(1, 2);
  const hashes = new PageHashes(memory.pages);
  hashes.add(told(memory));
  const choice = new PageChoice(memory, hashes);
  for (const page of [1, 2]) memory.page(page)[0] = 9;
  assert.deepEqual(needed(choice, memory), [1, 2]);
  choice.noteSent([2]);
  for (const page of [1, 2]) memory.page(page)[0] = 0;
  assert.deepEqual(needed(choice, memory), [2]);
});

Deno.test("pages whose hashes were not told are all needed", () => {
  const memory = memoryWith(1);
  const hashes = new PageHashes(memory.pages);
  hashes.add(told(memory).subarray(0, 8 * 8));
  hashes.add(told(memory).subarray(8 * 8, 8 * 16));
  const choice = new PageChoice(memory, hashes);
  assert.deepEqual(needed(choice, memory).slice(0, 2), [16, 17]);
});
