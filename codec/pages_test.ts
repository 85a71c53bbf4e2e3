/** Page batches through WASM, against a reference in plain TypeScript. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { FrameEncoder } from "./codec.ts";
import { refused } from "./codec_test_support.ts";
import { referenceDecodePages } from "./page_reference_test_support.ts";
import { decodePages, MAX_BATCH_BYTES, MAX_BATCH_PAGES, PAGE_BYTES, PageEncoder } from "./pages.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
console.log(`pages_test: SEED=${seed}`);
const check = (property: fc.IRawProperty<unknown>, numRuns: number) =>
  fc.assert(property as fc.IRawProperty<[unknown]>, { seed, numRuns });

const PAGES = 48;
const BYTES = PAGES * PAGE_BYTES;

/** Bytes that nothing packs, the same ones for the same number. */
function noise(length: number, from: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(length / 4);
  for (let state = from | 1, index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer);
}

/** What is done to a memory: noise, copies of what is there (which LZ4 finds), single bytes. */
const edit = fc.record({
  what: fc.constantFrom("noise", "copy", "fill", "byte", "byte", "byte"),
  at: fc.nat(BYTES - 1),
  from: fc.nat(BYTES - 1),
  length: fc.oneof(fc.nat(100), fc.nat(3 * PAGE_BYTES)),
  value: fc.nat(255),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function apply(memory: Uint8Array, { what, at, from, length, value }: Edit): void {
  const end = Math.min(at + length, BYTES);
  if (what === "byte") memory[at] = value;
  else if (what === "fill") memory.fill(value & 1, at, end);
  else if (what === "copy") memory.copyWithin(at, from, Math.min(from + length, BYTES));
  else memory.set(noise(length + 4 & ~3, from + 1).subarray(0, end - at), at);
}

/** A base, and a memory that has become of it. */
const memories = fc.record({
  first: fc.array(edit, { maxLength: 12 }),
  then: fc.array(edit, { maxLength: 12 }),
}).map(({ first, then }) => {
  const base = new Uint8Array(BYTES);
  for (const each of first) apply(base, each);
  const memory = base.slice();
  for (const each of then) apply(memory, each);
  return { base, memory };
});
const numbers = fc.subarray(Array.from({ length: PAGES }, (_, page) => page));

function encode(memory: Uint8Array, pages: ArrayLike<number>, base?: Uint8Array): Uint8Array[] {
  using encoder = new PageEncoder();
  const batches: Uint8Array[] = [];
  for (let at = 0; at < pages.length;) {
    at += encoder.add(memory, pages, at, base);
    batches.push(encoder.take());
  }
  return batches;
}

/** A batch of one page. */
function batchOf(page: Uint8Array, base?: Uint8Array): Uint8Array {
  return encode(page, [0], base)[0]!;
}

function decode(batch: Uint8Array, memoryPages: number, base?: Uint8Array) {
  const pages = new Map<number, Uint8Array>();
  const count = decodePages(
    batch,
    memoryPages,
    (page, bytes) => pages.set(page, bytes.slice()),
    base,
  );
  assert.equal(count, pages.size);
  return pages;
}

/** What both decoders make of a batch; they must agree, and refuse with their own error only. */
function decodedAlike(batch: Uint8Array, memoryPages: number, base?: Uint8Array): boolean {
  let expected: Map<number, Uint8Array>;
  try {
    expected = referenceDecodePages(batch, memoryPages, base);
  } catch (error) {
    const why = `the reference refuses: ${error}`;
    assert.throws(() => decode(batch, memoryPages, base), PeerError, why);
    return false;
  }
  const found = decode(batch, memoryPages, base);
  assert.deepEqual([...found.keys()], [...expected.keys()]);
  for (const [page, bytes] of expected) {
    assert.equal(Buffer.compare(found.get(page)!, bytes), 0, `page ${page}`);
  }
  return true;
}

Deno.test("pages come back as they went, by themselves and as changes", () => {
  check(
    fc.property(memories, numbers, fc.boolean(), ({ base, memory }, pages, isBased) => {
      const before = isBased ? base : undefined;
      const copy = base.slice();
      let records = 0;
      for (const batch of encode(memory, pages, before)) {
        assert.ok(batch.length <= MAX_BATCH_BYTES);
        records += decodePages(batch, PAGES, (page, bytes) => {
          assert.ok(pages.includes(page));
          copy.set(bytes, page * PAGE_BYTES);
        }, isBased ? copy : undefined);
        assert.ok(decodedAlike(batch, PAGES, before), "the reference refuses our own batch");
      }
      for (const page of pages) {
        const [start, end] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
        assert.equal(Buffer.compare(copy.subarray(start, end), memory.subarray(start, end)), 0);
      }
      if (!isBased) assert.equal(records, pages.length);
    }),
    150,
  );
});

Deno.test("zero takes a byte, what is as its base nothing, one changed word 20 bytes", () => {
  const page = noise(PAGE_BYTES, 7);
  assert.deepEqual(batchOf(new Uint8Array(PAGE_BYTES)), Uint8Array.of(0));
  assert.equal(batchOf(page, page).length, 0);
  const changed = page.slice();
  changed[2000]! ^= 1;
  assert.equal(batchOf(changed, page).length, 1 + 2 + 8 + 1 + 8);
  assert.equal(batchOf(changed).length, 1 + PAGE_BYTES, "noise goes as it is");
  assert.deepEqual(batchOf(new Uint8Array(PAGE_BYTES), page), Uint8Array.of(0));
});

Deno.test("a batch is full at 256 pages or 256 KiB, and the next one goes on", () => {
  const pages = Uint32Array.from({ length: 600 }, (_, page) => page);
  const zeros = encode(new Uint8Array(600 * PAGE_BYTES), pages);
  assert.deepEqual(zeros.map(({ length }) => length), [
    MAX_BATCH_PAGES,
    MAX_BATCH_PAGES + 2,
    88 + 2,
  ]);
  for (const batch of encode(noise(600 * PAGE_BYTES, 3), pages).slice(0, -1)) {
    assert.ok(batch.length <= MAX_BATCH_BYTES && batch.length > MAX_BATCH_BYTES - 2 * PAGE_BYTES);
  }
});

Deno.test("both decoders agree on every batch with a byte changed, and on every cut one", () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  let [read, bad] = [0, 0];
  check(
    fc.property(
      memories,
      numbers,
      fc.array(change, { maxLength: 3 }),
      fc.nat(),
      (m, pages, changes, cut) => {
        const batch = encode(m.memory, pages, m.base)[0];
        if (batch === undefined || batch.length === 0) return;
        for (const [at, bits] of changes) batch[at % batch.length]! ^= bits;
        for (const each of [batch, batch.slice(0, cut % batch.length)]) {
          if (decodedAlike(each, PAGES, m.base)) read++;
          else bad++;
        }
      },
    ),
    400,
  );
  assert.ok(read > 20 && bad > 20, `${read} read, ${bad} refused: the property says nothing`);
});

Deno.test("every single changed byte and every cut of a small batch is a page or an error", () => {
  const base = noise(PAGE_BYTES, 11);
  const page = base.slice();
  page.fill(7, 100, 900).copyWithin(1500, 200, 400);
  const alone = new Uint8Array(PAGE_BYTES).fill(3, 50, 2000);
  for (const batch of [batchOf(alone), batchOf(page, base), batchOf(alone, base)]) {
    for (let at = 0; at < batch.length; at++) {
      const original = batch[at]!;
      for (const value of [0, 1, 0x0f, 0xf0, 0xff, original ^ 1, original ^ 0x80]) {
        batch[at] = value;
        decodedAlike(batch, 1, base);
      }
      batch[at] = original;
      decodedAlike(batch.subarray(0, at), 1, base);
    }
    assert.ok(decodedAlike(batch, 1, base));
  }
});

Deno.test("both decoders agree on any bytes, alone and in records of the right form", () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x0f, 0x1f, 0xf0, 0xff));
  const bytes = fc.array(byte, { maxLength: 80 });
  const record = fc.tuple(fc.integer({ min: 2, max: 4 }), bytes)
    .map(([kind, bytes]) => [kind, bytes.length, 0, ...bytes]);
  const records = fc.array(record, { maxLength: 4 }).map((records) => records.flat());
  const base = noise(BYTES, 5);
  let read = 0;
  check(
    fc.property(fc.oneof(bytes, records), (batch) => {
      if (decodedAlike(Uint8Array.from(batch), PAGES, base)) read++;
    }),
    5000,
  );
  assert.ok(read > 20, `${read} read: the property says nothing`);
});

Deno.test("a fault says where it is and what was found, and nothing is applied of what is no batch", () => {
  const never = () => assert.fail("applied");
  const fault = (bytes: number[] | Uint8Array, message: RegExp) =>
    refused(() => decodePages(Uint8Array.from(bytes), 9, never), message);
  fault([5], /page batch at byte 0: unknown kind of record \(found 5, expected at most 4\)/);
  fault([0, 9 << 3], /byte 1: page beyond the end of memory \(found 10, expected at most 8\)/);
  fault([0, 1, 2], /byte 3: it ends inside a field/);
  fault([0, 2, 0, 16], /byte 2: not a length .*\(found 4096, expected at most 4095\)/);
  fault(new Uint8Array(MAX_BATCH_BYTES + 1), /262145 bytes, expected at most 262144/);
  const packed = Uint8Array.of(2, 1, 0, 0xff);
  refused(() => decodePages(packed, 1, never), /byte 3: not LZ4, or longer/);
  refused(
    () => decodePages(Uint8Array.of(3, 1, 0, 0), 1, never),
    /byte 3: changes to a page that is not/,
  );
  const zero = new Uint8Array(PAGE_BYTES);
  refused(
    () => decodePages(Uint8Array.of(3, 1, 0, 0), 1, never, zero),
    /byte 3: changes of another length/,
  );
  const most = new Uint8Array(MAX_BATCH_PAGES + 1);
  refused(() => decodePages(most, 1000, never), /byte 256: too many pages \(found 257, .* 256\)/);
  assert.equal(decodePages(new Uint8Array(0), 9, never), 0);
});

Deno.test("pages that are not there or do not ascend are a defect", () => {
  using encoder = new PageEncoder();
  const memory = noise(4 * PAGE_BYTES, 1);
  assert.throws(() => encoder.add(memory, [4]), DefectError);
  assert.throws(() => encoder.add(memory, [-1]), DefectError);
  assert.throws(() => encoder.add(memory, [1.5]), DefectError);
  assert.throws(() => encoder.add(memory, [0], 0, new Uint8Array(10)), DefectError);
  encoder.add(memory, [2]);
  assert.throws(() => encoder.add(memory, [2]), /page 2, expected 3 or a later one/);
  assert.throws(() => decodePages(Uint8Array.of(0), 1, () => {}, new Uint8Array(10)), DefectError);
});

Deno.test("an encoder and a decoder outlive the growth of their memory", () => {
  using encoder = new PageEncoder();
  const memory = noise(2 * PAGE_BYTES, 9);
  encoder.add(memory, [0]);
  const others = Array.from({ length: 40 }, () => new FrameEncoder());
  for (const other of others) {
    for (let count = 0; count < 3; count++) other.state(0, 0, new Uint8Array(MAX_BATCH_BYTES));
  }
  encoder.add(memory, [1]);
  const pages = decode(encoder.take(), 2);
  assert.deepEqual(Buffer.concat([pages.get(0)!, pages.get(1)!]), Buffer.from(memory));
  for (const other of others) other[Symbol.dispose]();
});
