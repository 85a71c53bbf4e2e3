/**
 * A decoder of page batches in plain TypeScript, written from the drawing in src/page.rs and from LZ4's description
 * of its block format: what the WASM codec's tests compare it with.
 */
import { MAX_BATCH_BYTES, MAX_BATCH_PAGES, PAGE_BYTES } from "./pages.ts";

/** The most bytes that changes have. */
const MAX_CHANGES_BYTES = 8 + 64 + PAGE_BYTES;

/** The pages of a batch, by number. Throws an Error if it is none. */
export function referenceDecodePages(
  batch: Uint8Array,
  memoryPages: number,
  base?: Uint8Array,
): Map<number, Uint8Array> {
  const reader = new Reader(batch);
  const pages = new Map<number, Uint8Array>();
  if (batch.length > MAX_BATCH_BYTES) throw new Error("too long");
  for (let next = 0; reader.left > 0; next++) {
    if (pages.size === MAX_BATCH_PAGES) throw new Error("too many");
    const tag = reader.byte();
    next += tag >> 3;
    if (tag >> 3 === 31) next += reader.varint();
    if (next >= memoryPages) throw new Error("beyond the end");
    const before = base?.slice(next * PAGE_BYTES, (next + 1) * PAGE_BYTES);
    pages.set(next, page(tag & 7, reader, before));
  }
  return pages;
}

function page(kind: number, reader: Reader, base?: Uint8Array): Uint8Array {
  if (kind === 0) return new Uint8Array(PAGE_BYTES);
  if (kind === 1) return reader.bytes(PAGE_BYTES).slice();
  if (kind > 4) throw new Error("no kind");
  const length = reader.byte() | reader.byte() << 8;
  if (length === 0 || length >= PAGE_BYTES) throw new Error("no length");
  const bytes = reader.bytes(length);
  if (kind === 2) {
    const unpacked = unpack(bytes, PAGE_BYTES);
    if (unpacked.length !== PAGE_BYTES) throw new Error("no page");
    return unpacked;
  }
  if (base === undefined) throw new Error("no base");
  changePage(base, kind === 3 ? bytes : unpack(bytes, MAX_CHANGES_BYTES));
  return base;
}

/** Changes `page`, a copy of its base. */
function changePage(page: Uint8Array, changes: Uint8Array): void {
  const reader = new Reader(changes);
  const lineMask = reader.bytes(8);
  const lines = Array.from({ length: 64 }, (_, line) => line)
    .filter((line) => lineMask[line >> 3]! >> (line & 7) & 1);
  const masks = reader.bytes(lines.length);
  if (lines.length === 0 || masks.includes(0)) throw new Error("a mask that says nothing");
  for (const [index, line] of lines.entries()) {
    for (let word = 0; word < 8; word++) {
      if (masks[index]! >> word & 1) page.set(reader.bytes(8), line * 64 + word * 8);
    }
  }
  if (reader.left > 0) throw new Error("more than the masks say");
}

/** An LZ4 block. */
function unpack(block: Uint8Array, most: number): Uint8Array {
  const reader = new Reader(block);
  const out: number[] = [];
  const length = (nibble: number) => {
    let sum = nibble;
    if (nibble === 15) {
      for (let byte = 255; byte === 255;) sum += byte = reader.byte();
    }
    return sum;
  };
  for (;;) {
    const token = reader.byte();
    out.push(...reader.bytes(length(token >> 4)));
    if (out.length > most) throw new Error("too much");
    if (reader.left === 0) return Uint8Array.from(out);
    const offset = reader.byte() | reader.byte() << 8;
    const count = 4 + length(token & 15);
    if (offset === 0 || offset > out.length || out.length + count > most) {
      throw new Error("no match");
    }
    for (let copied = 0; copied < count; copied++) out.push(out[out.length - offset]!);
  }
}

class Reader {
  #at = 0;

  constructor(private readonly from: Uint8Array) {}

  get left(): number {
    return this.from.length - this.#at;
  }

  byte(): number {
    return this.bytes(1)[0]!;
  }

  bytes(count: number): Uint8Array {
    if (count > this.left) throw new Error("cut off");
    return this.from.subarray(this.#at, this.#at += count);
  }

  /** LEB128, the shortest form only, at most 2^53 - 1. */
  varint(): number {
    let value = 0n;
    for (let shift = 0n; shift < 56n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte & 0x80) continue;
      if (byte === 0 && shift > 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) break;
      return Number(value);
    }
    throw new Error("no varint");
  }
}
