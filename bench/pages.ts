/**
 * How fast pages are encoded and decoded, and how small they become: the codec in WASM against copying the same pages,
 * which is the least that a transfer without it does, and against this machine's own build of the same crate.
 *
 *   deno run -A bench/pages.ts [--json] [--pairs 5] [--mib 32]
 *
 * Pages that differ in a few words from their base (four words each, and all of them dirty); those of a program's code,
 * by themselves; of text; of noise, which nothing packs; zero. Rates are bytes of pages. The native build needs cargo.
 * The aims: 1 GB/s where few words differ, 0.5 GB/s where LZ4 works. Packing misses the latter: the native build is
 * just above it where nothing else runs, and WASM has two thirds of that.
 */
import { parseArgs } from "node:util";
import { decodePages, PAGE_BYTES, PageEncoder } from "../codec/pages.ts";
import { compareAll, type Comparison, report, summarize } from "./compare.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    mib: { type: "string", default: "32" },
  },
});
const pairs = Number(values.pairs);
const bytes = Number(values.mib) << 20;
const pages = bytes / PAGE_BYTES;
const numbers = Uint32Array.from({ length: pages }, (_, page) => page);

/** A memory, and what the other end has of it. */
interface Corpus {
  readonly name: string;
  readonly memory: Uint8Array;
  readonly base?: Uint8Array;
  /** What encoding and decoding are meant to be at least. */
  readonly aim: string;
}

function noise(): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) {
    crypto.getRandomValues(memory.subarray(at, at + 65536));
  }
  return memory;
}

/** The beginning of a file, over and over if it is short. */
function repeated(file: Uint8Array, from = 0): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += file.length - from) {
    memory.set(file.subarray(from, from + Math.min(file.length - from, bytes - at)), at);
  }
  return memory;
}

function fewChanges(): Corpus {
  const base = noise();
  const memory = base.slice();
  const view = new DataView(memory.buffer);
  for (let page = 0; page < pages; page++) {
    for (const word of [0, 1, 77, 400]) {
      const at = page * PAGE_BYTES + word * 8;
      view.setUint32(at, view.getUint32(at) + 1);
    }
  }
  return { name: "few words differ", memory, base, aim: "1 GB/s" };
}

function corpora(): Corpus[] {
  const text = ["README.md", "docs/PROTOCOL.md", "docs/CAMPAIGNS.md", "docs/CLI.md"]
    .map((path) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url))).join("");
  const program = Deno.readFileSync(Deno.execPath());
  return [
    fewChanges(),
    {
      name: "a program's code",
      memory: repeated(program, Math.floor(program.length / 2)),
      aim: "0.5 GB/s",
    },
    { name: "text", memory: repeated(new TextEncoder().encode(text)), aim: "0.5 GB/s" },
    { name: "noise", memory: noise(), aim: "none" },
    { name: "zero", memory: new Uint8Array(bytes), aim: "none" },
  ];
}

function encodeAll(encoder: PageEncoder, { memory, base }: Corpus): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let at = 0; at < pages;) {
    at += encoder.add(memory, numbers, at, base);
    batches.push(encoder.take());
  }
  return batches;
}

/** Gigabytes a second. */
function rate(work: () => void): number {
  const startMs = performance.now();
  work();
  return bytes / 1e6 / (performance.now() - startMs);
}

/** Copies page by page, and says how fast. */
function copied(memory: Uint8Array, into: Uint8Array): number {
  return rate(() => {
    for (let at = 0; at < bytes; at += PAGE_BYTES) {
      into.set(memory.subarray(at, at + PAGE_BYTES), at);
    }
  });
}

async function againstCopying(corpus: Corpus): Promise<Comparison[]> {
  const { name, memory, base, aim } = corpus;
  using encoder = new PageEncoder();
  const into = base?.slice() ?? new Uint8Array(bytes);
  let size = 0;
  const ours = () => {
    let batches: Uint8Array[] = [];
    const encode = rate(() => {
      batches = encodeAll(encoder, corpus);
    });
    size = batches.reduce((sum, { length }) => sum + length, 0);
    if (base !== undefined) into.set(base);
    const decode = rate(() => {
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

/** The native build's rates, over the same pages. */
async function native(folder: string, corpus: Corpus): Promise<{ encode: number; decode: number }> {
  const files = [corpus.memory, corpus.base].map((memory, index) => {
    if (memory === undefined) return "-";
    Deno.writeFileSync(`${folder}/${index}`, memory);
    return `${folder}/${index}`;
  });
  const cwd = new URL("../codec/", import.meta.url);
  const args = ["run", "--quiet", "--locked", "--release", "--example", "pages", "--", ...files];
  const { success, stdout, stderr } = await new Deno.Command("cargo", {
    args: [...args, String(pairs)],
    cwd,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const rounds = new TextDecoder().decode(stdout).trim().split("\n").slice(1)
    .map((line) => line.split(" ").map((ns) => bytes / Number(ns)));
  return {
    encode: summarize(rounds.map(([encode]) => encode!)).median,
    decode: summarize(rounds.map(([, decode]) => decode!)).median,
  };
}

const folder = Deno.makeTempDirSync({ prefix: "understudy-bench-" });
try {
  const comparisons: Comparison[] = [];
  for (const corpus of corpora()) {
    const rates = await againstCopying(corpus);
    const peer = await native(folder, corpus);
    comparisons.push(...rates);
    for (const [index, what] of (["encode", "decode"] as const).entries()) {
      const ours = rates[index]!.ours;
      comparisons.push({
        name: `${corpus.name}, ${what}, and the native build`,
        unit: "GB/s",
        ours,
        peer: summarize([peer[what]]),
        ratio: summarize([ours.median / peer[what]]),
        aim: "none",
      });
    }
  }
  report(comparisons, values.json);
} finally {
  Deno.removeSync(folder, { recursive: true });
}
