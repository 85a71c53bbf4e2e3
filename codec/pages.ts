/**
 * Page batches: pages of guest memory in as few bytes as they take. The TypeScript face of `src/page.rs`, which
 * draws the format.
 *
 * A page goes as zero, as it is, packed by LZ4, or as the words that differ from its *base*: the page as both
 * ends had it last, which the caller keeps, or does not and gives none. A page that is as its base takes nothing.
 * As with frames (codec.ts) the work is done in WASM; bytes are copied once on their way in and once on their way
 * out, and neither side allocates for a page what it would have to free. What a page costs is in bench/pages.ts.
 *
 * Called by machine/state.ts, on both sides.
 */
import { assert, DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { MAX_STATE_BYTES } from "./codec.ts";
import { RawPageDecoder, RawPageEncoder, wasmMemory } from "./pkg/codec.js";

/** Bytes of a page. */
export const PAGE_BYTES = 4096;
/** The most pages in one batch: decoded they are 1 MiB. */
export const MAX_BATCH_PAGES = 256;
/** The most bytes of a batch: what one state event carries. */
export const MAX_BATCH_BYTES = MAX_STATE_BYTES;

/** Pages that go into WASM at a time: `CHUNK_PAGES` in src/page_wasm.rs. */
const CHUNK_PAGES = 16;

const wasm: WebAssembly.Memory = wasmMemory();

/** A place in WASM memory. Growing detaches the buffer: what `bytes` gives is right until the next call into WASM. */
class Place {
  #bytes = new Uint8Array(0);

  constructor(private readonly at: number, private readonly length: number) {}

  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) {
      this.#bytes = new Uint8Array(wasm.buffer as ArrayBuffer, this.at, this.length);
    }
    return this.#bytes;
  }
}

/**
 * Encodes pages into batches:
 *
 * ```ts
 * for (let at = 0; at < pages.length;) {
 *   at += encoder.add(memory, pages, at, base);
 *   send(encoder.take());
 * }
 * ```
 *
 * Dispose of it when done.
 */
export class PageEncoder implements Disposable {
  readonly #raw = new RawPageEncoder();
  readonly #numbers = new Place(this.#raw.numbersAt(), 4 * CHUNK_PAGES);
  readonly #pages = new Place(this.#raw.pagesAt(), PAGE_BYTES * CHUNK_PAGES);
  readonly #bases = new Place(this.#raw.basesAt(), PAGE_BYTES * CHUNK_PAGES);

  /** How many pages the batch has, without those that are as their bases. */
  get count(): number {
    return this.#raw.count();
  }

  /**
   * Appends pages until there are no more or the batch is full.
   *
   * @param memory all of the guest's memory
   * @param pages numbers of pages in it, ascending, all behind those that the batch has
   * @param from the index in `pages` to start at
   * @param base all of the guest's memory as the other end has it; none: pages go by themselves
   * @returns how many of `pages` have been dealt with: from there on they belong to the next batch
   * @throws DefectError if the numbers do not ascend, or are not in memory
   */
  add(memory: Uint8Array, pages: ArrayLike<number>, from = 0, base?: Uint8Array): number {
    for (let at = from;;) {
      const count = Math.min(this.#raw.room(), pages.length - at);
      if (count === 0) return at - from;
      const numbers = this.#numbers.bytes;
      const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.length);
      for (let index = 0; index < count; index++) {
        view.setUint32(4 * index, pages[at + index]!, true);
      }
      copyPages(memory, pages, at, count, this.#pages.bytes);
      if (base !== undefined) copyPages(base, pages, at, count, this.#bases.bytes);
      if (!this.#raw.encode(count, base !== undefined)) {
        throw new DefectError(`can't encode pages: ${this.#raw.complaint()}`);
      }
      at += count;
    }
  }

  /** A copy of the batch; opens an empty one. */
  take(): Uint8Array<ArrayBuffer> {
    const at = this.#raw.batchAt();
    const batch = new Uint8Array(wasm.buffer as ArrayBuffer, at, this.#raw.batchBytes()).slice();
    this.#raw.reset();
    return batch;
  }

  /** Frees the WASM memory behind it. */
  [Symbol.dispose](): void {
    this.#raw.free();
  }
}

/** Copies the pages `pages[at]` to `pages[at + count - 1]` into a chunk, neighbours together. */
function copyPages(
  memory: Uint8Array,
  pages: ArrayLike<number>,
  at: number,
  count: number,
  chunk: Uint8Array,
): void {
  for (let index = 0; index < count;) {
    const first = pages[at + index]!;
    let run = 1;
    while (index + run < count && pages[at + index + run] === first + run) run++;
    const end = (first + run) * PAGE_BYTES;
    assert(
      Number.isInteger(first) && first >= 0 && end <= memory.length,
      `pages ${first} to ${first + run - 1} of a memory of ${memory.length} bytes`,
    );
    chunk.set(memory.subarray(first * PAGE_BYTES, end), index * PAGE_BYTES);
    index += run;
  }
}

/** What `RawPageDecoder.next` says of a record that is changes; 0 is the end. */
const NEEDS_BASE = 2;

/** The one decoder of this thread, made when it is needed first, and the place that its pages come out at. */
let decoder: { readonly raw: RawPageDecoder; readonly page: Place } | undefined;

/**
 * Decodes a batch, page by page.
 *
 * @param batch at most {@link MAX_BATCH_BYTES}
 * @param memoryPages how many pages the guest's memory has
 * @param apply gets each page, in ascending order; its bytes are right until it returns, and it may not decode
 * @param base all of the guest's memory as the sender thinks that this end has it: pages that go as changes are
 *   read from it just before `apply` gets them. None: they are a fault
 * @returns how many pages
 * @throws PeerError with offset and reason. A batch whose records are no records has been applied in no part; one
 *   that packs or changes a page wrongly, up to that page
 */
export function decodePages(
  batch: Uint8Array,
  memoryPages: number,
  apply: (page: number, bytes: Uint8Array) => void,
  base?: Uint8Array,
): number {
  if (batch.length > MAX_BATCH_BYTES) {
    throw new PeerError(
      `bad page batch: ${batch.length} bytes, expected at most ${MAX_BATCH_BYTES}`,
    );
  }
  assert(
    base === undefined || base.length === memoryPages * PAGE_BYTES,
    `a base of ${base?.length} bytes for a memory of ${memoryPages} pages`,
  );
  decoder ??= newDecoder();
  const { raw, page } = decoder;
  const at = raw.place(batch.length);
  new Uint8Array(wasm.buffer as ArrayBuffer, at, batch.length).set(batch);
  if (!raw.open(memoryPages)) throw new PeerError(raw.complaint());
  for (let count = 0;; count++) {
    const kind = raw.next();
    if (kind === 0) return count;
    const number = raw.number();
    const hasBase = kind === NEEDS_BASE && base !== undefined;
    if (hasBase) {
      page.bytes.set(base.subarray(number * PAGE_BYTES, (number + 1) * PAGE_BYTES));
    }
    if (!raw.decode(hasBase)) throw new PeerError(raw.complaint());
    apply(number, page.bytes);
  }
}

function newDecoder() {
  const raw = new RawPageDecoder();
  return { raw, page: new Place(raw.pageAt(), PAGE_BYTES) };
}
