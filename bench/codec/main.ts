/**
 * How small and how fast the codec is, on the corpus that `deno task corpus` makes: its stream against other encodings
 * of the same frames and events, its rates, and its rates against the native build's.
 *
 *   deno task bench:codec [--only sizes,speed] [--seconds 3] [--rounds 5] [--native] [--json] [FILE...]
 *
 * Rates are of one thread. Sizes are exact; the compressors are this machine's command line tools.
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { command, parseCount, runMain } from "../../base/command_line.ts";
import { ExitCode, type ExitCodeValue, UnavailableError } from "../../base/errors.ts";
import { outputIsColoured, painter } from "../../base/paint.ts";
import { reporter } from "../../base/reporter.ts";
import { type Comparison, summarize } from "../compare.ts";
import { ExitLoops } from "../exit_loops.ts";
import { againstCopying, fewChanges } from "../page_rates.ts";
import { COMPRESSORS } from "./compressors.ts";
import { gathered } from "./events.ts";
import { type MeasuredSizes, measureSizes, total } from "./sizes.ts";
import { formatSizes } from "./sizes_report.ts";
import { type Effort, measureSpeed, type Speed } from "./speed.ts";
import { type BareExit, formatSpeed } from "./speed_report.ts";
import { loadLog } from "./stream.ts";

const FOLDER = fileURLToPath(new URL("../../.cache/corpus", import.meta.url));
const PARTS = ["sizes", "speed"];
const BARE_EXITS = 50_000;
const PAGE_CORPUS_BYTES = 8 << 20;
const say = reporter("bench");

await runMain(async () => {
  await command("bench:codec", "how small and how fast the codec is", [
    "deno task corpus && deno task bench:codec",
    "deno task bench:codec --only speed --native --seconds 10",
    "deno task bench:codec --only sizes my.log",
  ])
    .argument("[files...]", "logs (default: all in .cache/corpus)")
    .option("--only <parts>", "sizes, speed or both", parseParts, PARTS)
    .option("--seconds <s>", "how long each rate is measured", parseCount, 3)
    .option("--rounds <n>", "the parts of that; the median counts", parseCount, 5)
    .option("--native", "measure this machine's own build, too (needs cargo)", false)
    .option("--json", "the figures as JSON", false)
    .action(async (files, { only, json, native, ...effort }) => {
      const paths = files.length > 0 ? files : corpusFiles();
      const sizes = only.includes("sizes") ? await allSizes(paths) : undefined;
      const speed = only.includes("speed") ? await allSpeed(paths, effort, native) : undefined;
      if (json) return console.log(JSON.stringify({ sizes, speed }, null, 2));
      const paint = painter(outputIsColoured());
      const parts = [
        ...sizes === undefined ? [] : [formatSizes(sizes.logs, sizes.all, paint)],
        ...speed === undefined ? [] : [formatSpeed(speed.logs, speed, paint)],
      ];
      console.log(parts.join("\n\n"));
    })
    .parseAsync();
  return ExitCode.ok as ExitCodeValue;
});

function parseParts(text: string): string[] {
  const parts = text.split(",");
  if (parts.every((part) => PARTS.includes(part))) return parts;
  throw new InvalidArgumentError(`expected ${PARTS.join(", ")} or both`);
}

function corpusFiles(): string[] {
  try {
    const names = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name);
    const logs = names.filter((name) => name.endsWith(".log")).sort();
    if (logs.length > 0) return logs.map((name) => `${FOLDER}/${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new UnavailableError("there is no corpus: make it with `deno task corpus`");
}

async function allSizes(paths: readonly string[]) {
  const logs: MeasuredSizes[] = [];
  for (const path of paths) {
    say.live(`sizes of ${path}`);
    logs.push(await measureSizes(await loadLog(path, basename(path))));
  }
  say.live("");
  const all = total(logs);
  const missing = COMPRESSORS.filter(({ name }) =>
    all.baselines.some(({ encoding, bytes }) => encoding.endsWith(name) && bytes === null)
  );
  for (const { program, name } of missing) {
    say(`no ${program} on this machine: ${name} is left out`);
  }
  return { logs, all };
}

async function allSpeed(paths: readonly string[], effort: Effort, withNative: boolean) {
  const logs: Speed[] = [];
  for (const path of paths) {
    const log = await loadLog(path, basename(path));
    for (
      const [which, level] of [[log, "fast"], [gathered(log), "fast"], [log, "dense"]] as const
    ) {
      say.live(`speed of ${which.name}, ${level}`);
      logs.push(...await measureSpeed(which, level, effort, withNative));
    }
  }
  say.live("bare exits");
  const exit = await bareExit(effort.rounds);
  say.live("speed of pages");
  const compared = await againstCopying(fewChanges(PAGE_CORPUS_BYTES), effort.rounds);
  say.live("");
  const pages: Comparison[] = compared.filter(({ unit }) => unit === "GB/s");
  return { logs, exit, pages };
}

async function bareExit(rounds: number): Promise<BareExit> {
  using loops = await ExitLoops.build(BARE_EXITS);
  loops.runOurs(3);
  const perSecond = [];
  for (let round = 0; round < rounds; round++) perSecond.push(await loops.runBare());
  return { ns: summarize(perSecond.map((rate) => 1e9 / rate)) };
}
