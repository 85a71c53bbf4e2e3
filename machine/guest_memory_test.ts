import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { UsageError } from "../base/errors.ts";
import { checkMemoryBytes, forEachPage, GuestMemory } from "./guest_memory.ts";
import { GUEST_MEMORY_BYTES_MAX } from "./memory_map.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`guest_memory_test: SEED=${seed}`);

const BYTES = 2 << 20;

function dirtyPages(memory: GuestMemory): number[] {
  const bitmap = new Uint8Array(memory.pages / 8);
  memory.takeDirty(bitmap);
  const pages: number[] = [];
  forEachPage(bitmap, (page) => pages.push(page));
  return pages;
}

Deno.test("exactly the pages that were written are dirty, once", () => {
  const write = fc.record({
    address: fc.nat({ max: BYTES }),
    length: fc.oneof(fc.nat({ max: 16 }), fc.nat({ max: 3 * 4096 })),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 10 }), (writes) => {
      const memory = new GuestMemory(new Uint8Array(BYTES));
      const expected = new Set<number>();
      for (const { address, length } of writes) {
        if (!memory.contains(address, length)) continue;
        memory.write(address, new Uint8Array(length).fill(1));
        for (let at = address; at < address + length; at++) expected.add(at >>> 12);
      }
      assert.deepEqual(dirtyPages(memory), [...expected].sort((a, b) => a - b));
      assert.deepEqual(dirtyPages(memory), []);
    }),
    { seed, numRuns: 200 },
  );
});

Deno.test("what KVM found dirty stays so when ours is added", () => {
  const memory = new GuestMemory(new Uint8Array(BYTES));
  memory.write(9 * 4096, Uint8Array.of(1));
  const bitmap = new Uint8Array(memory.pages / 8);
  bitmap[1] = 1;
  memory.takeDirty(bitmap);
  assert.equal(bitmap[1], 0b11);
});

Deno.test("clearing makes all of memory zero and dirty", () => {
  const memory = new GuestMemory(new Uint8Array(BYTES).fill(3));
  memory.clear();
  assert.ok(memory.bytes.every((byte) => byte === 0));
  assert.equal(dirtyPages(memory).length, memory.pages);
});

Deno.test("a write beyond the end, or before the start, is a defect", () => {
  const memory = new GuestMemory(new Uint8Array(BYTES));
  assert.throws(() => memory.write(BYTES - 1, new Uint8Array(2)), DefectError);
  assert.throws(() => memory.write(-1, new Uint8Array(2)), DefectError);
});

Deno.test("a page is a view of memory", () => {
  const memory = new GuestMemory(new Uint8Array(BYTES));
  memory.write(5 * 4096 + 7, Uint8Array.of(42));
  assert.equal(memory.page(5)[7], 42);
  assert.equal(memory.page(5).length, 4096);
});

Deno.test("sizes that no machine can have are a matter of usage", () => {
  for (const good of [2 << 20, 16 << 20, GUEST_MEMORY_BYTES_MAX]) checkMemoryBytes(good);
  for (
    const bad of [
      0,
      1 << 20,
      (2 << 20) + 4096,
      GUEST_MEMORY_BYTES_MAX + (1 << 18),
      2 ** 31,
      NaN,
      -1,
    ]
  ) {
    assert.throws(() => checkMemoryBytes(bad), UsageError, `${bad}`);
  }
});

Deno.test("the largest memory has a length that the engine also counts right in code it has optimised", () => {
  // V8: optimised for small arrays, this said -65280 for 2 GiB and 8 MiB.
  const pagesOf = (memory: GuestMemory) => memory.pages;
  const small = new GuestMemory(new Uint8Array(BYTES));
  let total = 0;
  for (let turn = 0; turn < 200_000; turn++) total += pagesOf(small);
  assert.equal(total, 200_000 * BYTES / 4096);
  const largest = new Uint8Array(GUEST_MEMORY_BYTES_MAX);
  assert.equal(pagesOf(new GuestMemory(largest)), GUEST_MEMORY_BYTES_MAX / 4096);
});
