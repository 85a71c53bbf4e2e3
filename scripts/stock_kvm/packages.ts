/**
 * Takes Debian's packages apart without installing them: `apt-get download`, `dpkg -x`.
 *
 * No root is needed but for `apt-get update`, on a machine that has no package lists yet. The base layer
 * and the arbiter of a pair call it.
 */
import { basename } from "node:path";
import { UnavailableError } from "../../base/errors.ts";
import type { Making } from "./cache.ts";
import { requireProgram, runTool } from "./tools.ts";

/** A package that has been unpacked. */
export interface UnpackedPackage {
  /** The folder with its files, as they would stand in `/`. */
  readonly folder: string;
  /** The name of the package file: it says the version. */
  readonly version: string;
}

/**
 * A package of Debian's, unpacked into the cache: what is there already is taken as it is, for as long as
 * the cache lives.
 * @throws UnavailableError if there is no apt-get, no such package, or it can't be fetched
 */
export async function unpackPackage(
  name: string,
  { cache, progress, signal }: Making,
): Promise<UnpackedPackage> {
  const folder = await cache.folder(`package-${name}`, async (folder) => {
    await requireProgram("apt-get", "apt");
    await requireProgram("dpkg", "dpkg");
    progress(`fetching Debian's ${name}`);
    const file = await download(await actualPackage(name, signal), folder, signal);
    await Deno.mkdir(`${folder}/files`);
    await runTool(["dpkg", "-x", file, `${folder}/files`], { signal });
    await Deno.writeTextFile(`${folder}/version`, basename(file));
    await Deno.remove(file);
  });
  return {
    folder: `${folder}/files`,
    version: await Deno.readTextFile(`${folder}/version`),
  };
}

/** A kernel's package without a version in its name has no files: it depends on the one that has. */
async function actualPackage(name: string, signal: AbortSignal): Promise<string> {
  if (!name.startsWith("linux-image-")) return name;
  const text = await withLists(
    signal,
    () => runTool(["apt-cache", "depends", "--important", name], { signal }),
  );
  const found = text.match(/^\s+Depends: (linux-image-\d\S+)$/m)?.[1];
  if (found !== undefined) return found;
  throw new UnavailableError(
    `${name} names no kernel: this machine's package lists must be those of Debian on amd64`,
  );
}

async function download(name: string, folder: string, signal: AbortSignal): Promise<string> {
  // As root, apt-get would hand the download to a user who can't write here, and warn about it.
  const asRoot = Deno.uid() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  const command = ["apt-get", "-qq", ...asRoot, "download", name] as const;
  await withLists(signal, () => runTool(command, { cwd: folder, signal }));
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".deb")) return `${folder}/${name}`;
  }
  throw new UnavailableError(`apt-get download ${name} succeeded and left no package file`);
}

/** Tries it; on a failure gets the package lists, which may be missing or old, and tries it again. */
async function withLists<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    if (Deno.uid() !== 0) {
      throw new UnavailableError(
        `${error.message}\nIf the package lists are missing or old: sudo apt-get update`,
      );
    }
    await runTool(["apt-get", "-qq", "update"], { signal });
    return await attempt();
  }
}
