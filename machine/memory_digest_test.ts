import assert from "node:assert/strict";
import fc from "fast-check";
import { differingPage, MemoryDigest, type MemorySums } from "./memory_digest.ts";
import { PAGE_BYTES } from "./memory_map.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`memory_digest_test: SEED=${seed}`);

const PAGES = 64;
const BYTES = PAGES * PAGE_BYTES;

const writes = fc.array(
  fc.record({ at: fc.nat({ max: BYTES - 1 }), value: fc.nat({ max: 255 }) }),
  { minLength: 1, maxLength: 30 },
);

/** The sums of a memory, worked out afresh. */
function sumsOf(memory: Uint8Array): MemorySums {
  const digest = new MemoryDigest(memory);
  for (let page = 0; page < memory.length / PAGE_BYTES; page++) digest.update(page);
  return digest.sums;
}

Deno.test("fresh memory needs no pass over it", () => {
  const memory = new Uint8Array(BYTES);
  assert.deepEqual(new MemoryDigest(memory).sums, sumsOf(memory));
});

Deno.test("a digest kept up to date equals one made afresh", () => {
  fc.assert(
    fc.property(fc.array(writes, { maxLength: 5 }), (rounds) => {
      const memory = new Uint8Array(BYTES);
      const digest = new MemoryDigest(memory);
      for (const round of rounds) {
        for (const { at, value } of round) memory[at] = value;
        for (const page of new Set(round.map(({ at }) => at >>> 12))) digest.update(page);
        assert.deepEqual(digest.sums, sumsOf(memory));
      }
    }),
    { seed, numRuns: 100 },
  );
});

Deno.test("one page that differs, by a bit or in all, is found by its number", () => {
  const arbitrary = fc.record({
    page: fc.nat({ max: PAGES - 1 }),
    bit: fc.nat({ max: PAGE_BYTES * 8 - 1 }),
    all: fc.boolean(),
    before: writes,
  });
  fc.assert(
    fc.property(arbitrary, ({ page, bit, all, before }) => {
      const mine = new Uint8Array(BYTES);
      for (const { at, value } of before) mine[at] = value;
      const theirs = mine.slice();
      if (all) theirs.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES).fill(0xa5);
      theirs[page * PAGE_BYTES + (bit >>> 3)]! ^= 1 << (bit & 7);
      assert.equal(differingPage(sumsOf(mine), sumsOf(theirs), PAGES), page);
    }),
    { seed, numRuns: 200 },
  );
});

Deno.test("a page is found among all those of the largest machine", () => {
  const pages = 3 * 2 ** 18;
  // The sums of a machine that differs in one page, whatever that page's hash differs by.
  const delta = { low: 0x8000_0000, high: 0x1234_5677 };
  for (const page of [0, 1, 0x8_0000, pages - 1]) {
    const theirs = {
      low: delta.low,
      high: delta.high,
      weightedLow: Math.imul(page, delta.low) >>> 0,
      weightedHigh: Math.imul(page, delta.high) >>> 0,
    };
    const mine = { low: 0, high: 0, weightedLow: 0, weightedHigh: 0 };
    assert.equal(differingPage(mine, theirs, pages), page);
  }
});

Deno.test("of several pages that differ none is named, wherever in them the difference is", () => {
  const several = fc.uniqueArray(fc.nat({ max: PAGES - 1 }), { minLength: 2, maxLength: 5 });
  const place = fc.oneof(
    fc.nat({ max: PAGE_BYTES - 1 }),
    fc.nat({ max: 7 }).map((at) => 4095 - at),
  );
  fc.assert(
    fc.property(several, place, (pages, at) => {
      const mine = new Uint8Array(BYTES);
      const theirs = mine.slice();
      pages.forEach((page, index) => theirs[page * PAGE_BYTES + at] = index + 1);
      assert.equal(differingPage(sumsOf(mine), sumsOf(theirs), PAGES), undefined);
    }),
    { seed, numRuns: 500, examples: [[[29, 47], 4095]] },
  );
});

Deno.test("pages that have changed places differ", () => {
  const mine = new Uint8Array(BYTES);
  mine[3 * PAGE_BYTES] = 1;
  const theirs = new Uint8Array(BYTES);
  theirs[4 * PAGE_BYTES] = 1;
  assert.notDeepEqual(sumsOf(mine), sumsOf(theirs));
});
