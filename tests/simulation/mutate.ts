/**
 * Loads altered copies of production files: a mutant is text, so production has no switches for it.
 *
 * protocol/, arbiter/ and the simulation's vCPU threads are copied to a directory of their own and altered there;
 * what they import from elsewhere stays the one and only.
 */
import type { ProtocolCode } from "./code.ts";
import type { Mutant } from "./mutant.ts";

const ROOT = new URL("../../", import.meta.url);
const COPIED = ["protocol", "arbiter"];
/** The vCPU's threads of the simulation: bugs of production's are made in these. */
const THREADS = ["tests/simulation/recorder.ts", "tests/simulation/replayer.ts"];

/** The code with this bug in it. @throws Error if an edit does not fit its file exactly once */
export async function loadMutant(mutant: Mutant): Promise<ProtocolCode> {
  const directory = await Deno.makeTempDir({ prefix: "understudy-mutant-" });
  try {
    const texts = await alteredTexts(mutant);
    for (const room of [...COPIED, "tests/simulation"]) {
      await Deno.mkdir(`${directory}/${room}`, { recursive: true });
    }
    for (const [file, text] of texts) await Deno.writeTextFile(`${directory}/${file}`, text);
    return await importAll(`file://${directory}/`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Every copied file's text, by its path from the root. @throws as {@link loadMutant} */
export async function alteredTexts({ name, edits }: Mutant): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const files = [...THREADS];
  for (const room of COPIED) {
    for await (const { name } of Deno.readDir(new URL(room, ROOT))) {
      if (name.endsWith(".ts") && !name.includes("_test")) files.push(`${room}/${name}`);
    }
  }
  for (const file of files) {
    const url = new URL(file, ROOT);
    const text = await Deno.readTextFile(url);
    texts.set(
      file,
      text.replaceAll(/from "(\.[^"]*)"/g, (whole, path: string) => {
        const imported = new URL(path, url).href;
        return files.includes(imported.slice(ROOT.href.length)) ? whole : `from "${imported}"`;
      }),
    );
  }
  for (const { file, find, replace } of edits) {
    const parts = texts.get(file)?.split(find) ?? [];
    if (parts.length !== 2) {
      throw new Error(
        `mutant "${name}": ${file} has ${parts.length - 1} of ${
          JSON.stringify(find)
        }, expected 1: ` +
          "fit the row in mutants.ts to the code",
      );
    }
    texts.set(file, parts.join(replace));
  }
  return texts;
}

async function importAll(base: string): Promise<ProtocolCode> {
  const files = [
    "protocol/primary.ts",
    "protocol/backup.ts",
    "protocol/wire.ts",
    "protocol/staged_state.ts",
    ...THREADS,
    "arbiter/claimer.ts",
    "arbiter/file.ts",
    "arbiter/etcd.ts",
    "arbiter/first_claim.ts",
  ];
  const modules = await Promise.all(files.map((file) => import(`${base}${file}`)));
  return Object.assign({}, ...modules) as ProtocolCode;
}
