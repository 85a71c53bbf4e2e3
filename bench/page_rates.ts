/**
 * How fast pages are encoded and decoded, against copying them: kinds of pages, and the comparison.
 *
 * Called by pages.ts and by codec/main.ts.
 */
import { decodePages, PAGE_BYTES, PageEncoder } from "../codec/pages.ts";
import { compareAll, type Comparison, summarize } from "./compare.ts";

/** A memory, and what the other end has of it. */
export interface Corpus {
  readonly name: string;
  readonly memory: Uint8Array;
  readonly base?: Uint8Array;
  /** What encoding and decoding are meant to be at least. */
  readonly aim: string;
}

function noise(bytes: number): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) {
    crypto.getRandomValues(memory.subarray(at, at + 65536));
  }
  return memory;
}

/** The beginning of a file, over and over if it is short. */
function repeated(bytes: number, file: Uint8Array, from = 0): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += file.length - from) {
    memory.set(file.subarray(from, from + Math.min(file.length - from, bytes - at)), at);
  }
  return memory;
}

/** Pages that differ in a few words from their base. */
export function fewChanges(bytes: number): Corpus {
  const base = noise(bytes);
  const memory = base.slice();
  const view = new DataView(memory.buffer);
  for (let page = 0; page < bytes / PAGE_BYTES; page++) {
    for (const word of [0, 1, 77, 400]) {
      const at = page * PAGE_BYTES + word * 8;
      view.setUint32(at, view.getUint32(at) + 1);
    }
  }
  return { name: "few words differ", memory, base, aim: "1 GB/s" };
}

/** Kinds of pages, so many bytes of each. */
export function corpora(bytes: number): Corpus[] {
  const text = ["README.md", "docs/PROTOCOL.md", "docs/CAMPAIGNS.md", "docs/CLI.md"]
    .map((path) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url))).join("");
  const program = Deno.readFileSync(Deno.execPath());
  return [
    fewChanges(bytes),
    {
      name: "a program's code",
      memory: repeated(bytes, program, Math.floor(program.length / 2)),
      aim: "0.5 GB/s",
    },
    { name: "text", memory: repeated(bytes, new TextEncoder().encode(text)), aim: "0.5 GB/s" },
    { name: "noise", memory: noise(bytes), aim: "none" },
    { name: "zero", memory: new Uint8Array(bytes), aim: "none" },
  ];
}

function encodeAll(encoder: PageEncoder, { memory, base }: Corpus): Uint8Array[] {
  const batches: Uint8Array[] = [];
  const pages = memory.length / PAGE_BYTES;
  const numbers = Uint32Array.from({ length: pages }, (_, page) => page);
  for (let at = 0; at < pages;) {
    at += encoder.add(memory, numbers, at, base);
    batches.push(encoder.take());
  }
  return batches;
}

/** Gigabytes a second. */
function rate(bytes: number, work: () => void): number {
  const startMs = performance.now();
  work();
  return bytes / 1e6 / (performance.now() - startMs);
}

/** Copies page by page, and says how fast. */
function copied(memory: Uint8Array, into: Uint8Array): number {
  return rate(memory.length, () => {
    for (let at = 0; at < memory.length; at += PAGE_BYTES) {
      into.set(memory.subarray(at, at + PAGE_BYTES), at);
    }
  });
}

/** Encoding, decoding and the size of pages. @param pairs so many runs of both */
export async function againstCopying(corpus: Corpus, pairs: number): Promise<Comparison[]> {
  const { name, memory, base, aim } = corpus;
  const bytes = memory.length;
  const pages = bytes / PAGE_BYTES;
  using encoder = new PageEncoder();
  const into = base?.slice() ?? new Uint8Array(bytes);
  let size = 0;
  const ours = () => {
    let batches: Uint8Array[] = [];
    const encode = rate(bytes, () => {
      batches = encodeAll(encoder, corpus);
    });
    size = batches.reduce((sum, { length }) => sum + length, 0);
    if (base !== undefined) into.set(base);
    const decode = rate(bytes, () => {
      const apply = (page: number, bytes: Uint8Array) => into.set(bytes, page * PAGE_BYTES);
      for (const batch of batches) decodePages(batch, pages, apply, into);
    });
    if (!into.every((byte, at) => byte === memory[at])) throw new Error(`${name}: not as it was`);
    return Promise.resolve({ encode, decode });
  };
  const peer = () => {
    const plain = copied(memory, into);
    return Promise.resolve({ encode: plain, decode: plain });
  };
  const figure = (what: string) => ({
    name: `${name}, ${what}, and copying`,
    unit: "GB/s",
    aim: aim === "none" ? aim : `at least ${aim}`,
  });
  const rates = await compareAll(
    { encode: figure("encode"), decode: figure("decode") },
    pairs,
    ours,
    peer,
  );
  const sizes = { ours: summarize([size / pages]), peer: summarize([PAGE_BYTES]) };
  const share = summarize([size / bytes]);
  return [...rates, {
    name: `${name}, size`,
    unit: "bytes a page",
    ...sizes,
    ratio: share,
    aim: "none",
  }];
}
