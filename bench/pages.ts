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
import { type Comparison, report, summarize } from "./compare.ts";
import { againstCopying, corpora, type Corpus } from "./page_rates.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    mib: { type: "string", default: "32" },
  },
});
const pairs = Number(values.pairs);
const bytes = Number(values.mib) << 20;

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
  for (const corpus of corpora(bytes)) {
    const rates = await againstCopying(corpus, pairs);
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
