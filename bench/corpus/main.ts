/**
 * Makes the measuring corpus: recordings of the project's own guests with real input, for `deno task bench:codec`.
 *
 *   deno task corpus [--out .cache/corpus] [--seed 1]
 *
 * Needs /dev/kvm, and two minutes. What is typed is the seed's; when it comes to the guest is the host's.
 */
import { fileURLToPath } from "node:url";
import { bar } from "../../base/bar.ts";
import { command, parseCount, runMain } from "../../base/command_line.ts";
import { ExitCode, type ExitCodeValue } from "../../base/errors.ts";
import { reporter } from "../../base/reporter.ts";
import { RECORDINGS } from "./guests.ts";
import { Parts } from "./parts.ts";

/** Where the corpus is, unless somebody wants it elsewhere. */
const DEFAULT_FOLDER = fileURLToPath(new URL("../../.cache/corpus", import.meta.url));
const BAR_COLUMNS = 24;

await runMain(async () => {
  await command("corpus", "make the recordings that the codec is measured by", [
    "deno task corpus",
    "deno task corpus --out elsewhere --seed 2",
  ])
    .option("--out <dir>", "where to (default: .cache/corpus)")
    .option("--seed <n>", "what is typed", parseCount, 1)
    .action(({ out = DEFAULT_FOLDER, seed }) => makeCorpus(out, seed))
    .parseAsync();
  return ExitCode.ok as ExitCodeValue;
});

async function makeCorpus(folder: string, seed: number): Promise<void> {
  const say = reporter("corpus");
  using parts = new Parts(folder);
  for (const { file, what, make } of RECORDINGS) {
    say(`${file}: ${what}`);
    const startMs = performance.now();
    const progress = (share: number) => say.live(`${bar(share, BAR_COLUMNS)} ${file}`);
    await make({ path: parts.path(file), seed, progress, signal: parts.signal });
    say.live("");
    const bytes = parts.finish(file);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    say(`${file}: ${bytes.toLocaleString("en")} bytes, ${seconds} s`);
  }
}
