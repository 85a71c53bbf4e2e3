/**
 * Loads altered copies of production files: a mutant is text, so production has no switches for it.
 *
 * protocol/ and arbiter/ are copied to a directory of their own and altered there; what they import from
 * other rooms stays the one and only.
 */
import type { ProtocolCode } from "./code.ts";
import type { Mutant } from "./mutant.ts";

const ROOT = new URL("../../", import.meta.url);
const COPIED = ["protocol", "arbiter"];

/** The code with this bug in it. @throws Error if an edit does not fit its file exactly once */
export async function loadMutant(mutant: Mutant): Promise<ProtocolCode> {
  const directory = await Deno.makeTempDir({ prefix: "understudy-mutant-" });
  try {
    const texts = await alteredTexts(mutant);
    for (const room of COPIED) await Deno.mkdir(`${directory}/${room}`);
    for (const [file, text] of texts) await Deno.writeTextFile(`${directory}/${file}`, text);
    return await importAll(`file://${directory}/`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Every copied file's text, by its path from the root. @throws as {@link loadMutant} */
export async function alteredTexts({ name, edits }: Mutant): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const room of COPIED) {
    for await (const entry of Deno.readDir(new URL(room, ROOT))) {
      if (!entry.name.endsWith(".ts") || entry.name.includes("_test")) continue;
      const file = `${room}/${entry.name}`;
      const text = await Deno.readTextFile(new URL(file, ROOT));
      texts.set(file, text.replaceAll(/from "\.\.\/(?!protocol|arbiter)/g, `from "${ROOT}`));
    }
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
    "arbiter/claimer.ts",
    "arbiter/file.ts",
    "arbiter/etcd.ts",
    "arbiter/first_claim.ts",
  ];
  const modules = await Promise.all(files.map((file) => import(`${base}${file}`)));
  return Object.assign({}, ...modules) as ProtocolCode;
}
