/**
 * The rules of DESIGN.md that a program can check, a row each: run over every file that people write.
 */
import assert from "node:assert/strict";
import { posix } from "node:path";

const ROOT = new URL("..", import.meta.url);
/** What is built, fetched, or not ours. */
const SKIPPED = new Set([".git", ".cache", ".deno", "target", "pkg", "images", "node_modules"]);
const WRITTEN = /\.(ts|rs|s|sh|md|toml|ld)$|^understudy$|^\.ci\/run$/;
const THIS = "tests/tidy_test.ts";

/** One file. */
interface Source {
  /** From the root, with slashes. */
  readonly path: string;
  readonly lines: readonly string[];
}

/** A breach: the line's number, from 1, and what is wrong with it. */
type Breach = readonly [line: number, what: string];

interface Rule {
  /** What holds, as a sentence. */
  readonly holds: string;
  readonly files: (path: string) => boolean;
  readonly breaches: (source: Source) => Iterable<Breach>;
}

/** Which rooms a room may import, besides itself. */
const BELOW: Readonly<Record<string, readonly string[]>> = (() => {
  const parts = ["base"];
  const works = [...parts, "devices", "codec", "ffi"];
  const primary = [...works, "machine", "protocol", "link", "arbiter", "sinks", "network"];
  return {
    base: [],
    ...{ devices: parts, codec: parts, ffi: parts },
    ...{ machine: works, protocol: works, link: works, arbiter: works },
    // Sinks that are reached over a network use the same connections as the logging channel.
    sinks: [...works, "link"],
    network: [...works, "machine"],
    log: [...works, "machine"],
    primary,
    backup: [...primary, "log"],
    serve: [...primary, "primary", "backup"],
    demo: [...primary, "primary", "backup"],
  };
})();
/** They may import everything. */
const BESIDE = ["bench", "guests", "scripts", "tests"];
/** A backup that becomes the primary, in main and in the vCPU's thread: the doors between the two. */
const DOORS = ["backup/takeover.ts", "backup/takeover_recorder.ts"];

/** Words that the vocabulary has other words for. */
const OTHER_WORDS: readonly { word: RegExp; instead: string; files?: RegExp }[] = [
  { word: /\bfail-?over/i, instead: "takeover" },
  { word: /\bstand-?by\b/i, instead: "backup" },
  { word: /\bfollowers?\b/i, instead: "backup" },
  { word: /\breplicas?\b/i, instead: "backup" },
  { word: /\bleaders?\b/i, instead: "primary" },
  // The 8259A's two chips have these names in its data sheet, and a port's bridge in Linux.
  {
    word: /\b(masters?|slaves?)\b/i,
    instead: "primary or backup",
    files: /^(?!devices\/|network\/|demo\/network_lab\.ts)/,
  },
  { word: /\bsnapshot/i, instead: "state" },
  { word: /\bmigrat/i, instead: "handover or state transfer" },
];

const isTypeScript = (path: string) => path.endsWith(".ts");
const isTest = (path: string) =>
  /_test\.ts$|_test_worker\.ts$|_test_support\.ts$|\/testing\.ts$|^tests\//.test(path);
const isPure = (path: string) =>
  (/^(protocol|devices|codec)\//.test(path) || path === "machine/vcpu_loop.ts") && !isTest(path);

const RULES: readonly Rule[] = [
  {
    holds: "imports go downward only",
    files: isTypeScript,
    *breaches({ path, lines }) {
      const room = roomOf(path);
      for (const [line, target] of importsOf(path, lines)) {
        const other = roomOf(target);
        const isDoor = DOORS.includes(path) && other === "primary";
        if (other === room || isDoor || BELOW[room] === undefined) continue;
        if (!BELOW[room].includes(other)) yield [line, `${room} imports ${target}`];
      }
    },
  },
  {
    holds: "nothing but tests and benchmarks imports a test's support",
    files: (path) => isTypeScript(path) && !isTest(path) && !path.startsWith("bench/"),
    *breaches({ path, lines }) {
      for (const [line, target] of importsOf(path, lines)) {
        if (isTest(target)) yield [line, `imports ${target}`];
      }
    },
  },
  {
    holds: "protocol, devices, codec and the vCPU loop know no clock, no chance, no outside",
    files: (path) => isTypeScript(path) && isPure(path),
    breaches: (source) =>
      matches(
        withoutComments(source),
        /\b(Date|Math\.random|performance|setTimeout|setInterval|crypto|Deno|fetch)\b|\bconsole\.(log|error|warn|info|debug)\b/,
        (found) => found,
      ),
  },
  {
    holds: "a file says at its top what it is",
    files: (path) => isTypeScript(path) && !path.endsWith("_test.ts"),
    *breaches({ lines }) {
      if (!/^\/\*\*|^\/\/ /.test(lines[0] ?? "")) yield [1, "no header comment"];
    },
  },
  {
    holds: "no file has more than 400 lines",
    files: (path) => /\.(ts|rs|s|sh)$/.test(path),
    *breaches({ lines }) {
      if (lines.length > 400) yield [lines.length, `${lines.length} lines`];
    },
  },
  {
    holds: "a thing has one word",
    files: (path) => path !== THIS,
    *breaches(source) {
      for (const { word, instead, files } of OTHER_WORDS) {
        if (files?.test(source.path) === false) continue;
        yield* matches(source, word, (found) => `"${found}": say ${instead}`);
      }
    },
  },
  {
    holds: "nothing is left to be done later",
    files: (path) => path !== THIS,
    breaches: (source) => matches(source, /\b(TODO|FIXME|XXX|HACK)\b/, (found) => found),
  },
  {
    holds: "no path of one machine, no host name of a registry",
    files: (path) => path !== THIS,
    breaches: (source) =>
      matches(
        source,
        /(?<![\w.])\/(work|root|home)\/\w+|\/tmp\/\w+|registry\.npmjs\.\w+|\bcrates\.io\b|\bjsr\.io\b|\bdeb\.debian\.org\b/,
        (found) => found,
      ),
  },
];

const sources = [...walk("")].filter((path) => WRITTEN.test(path)).map(read);

for (const { holds, files, breaches } of RULES) {
  Deno.test(holds, () => {
    const found = sources.filter(({ path }) => files(path)).flatMap((source) =>
      [...breaches(source)].map(([line, what]) => `${source.path}:${line}: ${what}`)
    );
    assert.equal(found.length, 0, `\n${found.join("\n")}\n`);
  });
}

Deno.test("every folder with code is a room that the import rule knows, or stands beside them", () => {
  const folders = sources.filter(({ path }) => /\/.*\.ts$/.test(path)).map(({ path }) =>
    roomOf(path)
  );
  const known = [...Object.keys(BELOW), ...BESIDE];
  assert.deepEqual([...new Set(folders)].sort(), known.sort());
});

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (SKIPPED.has(name)) continue;
    if (isDirectory) yield* walk(`${folder}${name}/`);
    else if (isFile) yield `${folder}${name}`;
  }
}

function read(path: string): Source {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  return { path, lines: text.replace(/\n$/, "").split("\n") };
}

/** The top-level folder; a file at the top is a room of its own. */
function roomOf(path: string): string {
  return path.split("/")[0]!;
}

/**
 * Line and target of each import, export-from and worker's URL that leads to a file of ours. (The URL of
 * main.ts is a program to start, not a module to import.)
 */
function* importsOf(path: string, lines: readonly string[]): Generator<Breach> {
  for (const [index, line] of lines.entries()) {
    const specifier = line.match(/(?:from|import|import\(|new URL\()\s*"(\.[^"]+\.ts)"/)?.[1];
    if (specifier === undefined || /new URL\("(\.\.\/)*main\.ts"/.test(line)) continue;
    yield [index + 1, posix.join(posix.dirname(path), specifier)];
  }
}

function* matches(
  { lines }: Source,
  pattern: RegExp,
  tell: (found: string) => string,
): Generator<Breach> {
  for (const [index, line] of lines.entries()) {
    const found = line.match(pattern);
    if (found !== null) yield [index + 1, tell(found[0])];
  }
}

/** The same lines, with blanks for comments; a string that looks like one is blanked too. */
function withoutComments({ path, lines }: Source): Source {
  const text = lines.join("\n").replace(
    /\/\*[^]*?\*\/|(?<!:)\/\/.*/g,
    (comment) => comment.replace(/[^\n]/g, " "),
  );
  return { path, lines: text.split("\n") };
}
