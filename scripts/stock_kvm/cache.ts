/**
 * What took long to make and is made again from nothing: kept in a folder that git ignores.
 *
 * An item appears under its name whole or not at all, so that two starts at the same time, or a start that
 * is interrupted, do no harm: it is made under another name and renamed. Nobody but the programs of this
 * folder calls it; who doubts it removes `.cache/stock-kvm`.
 */
import { UnavailableError } from "../../base/errors.ts";
import type { Progress } from "./progress.ts";

/** What everything that is made needs. */
export interface Making {
  readonly cache: Cache;
  readonly progress: Progress;
  /** Ends it early; its reason is thrown, and nothing half done is left. */
  readonly signal: AbortSignal;
}

/** Items of a kind that are kept: the one in use, and those of a change that is tried and taken back. */
const KEPT_COUNT = 3;

/** See the top of the file. */
export class Cache {
  /** @param path the folder; made if need be */
  constructor(readonly path: string) {
    Deno.mkdirSync(path, { recursive: true });
  }

  /** The path of a folder, which `make` fills if it is not there yet. */
  async folder(name: string, make: (scratch: string) => Promise<void>): Promise<string> {
    return await this.#item(name, async (scratch) => {
      await Deno.mkdir(scratch);
      await make(scratch);
    });
  }

  /**
   * The path of a file, which `make` writes if it is not there yet.
   * @param kind older ones of its kind are removed, but for the last few
   * @param key whatever the content depends on
   */
  async file(
    kind: string,
    key: string,
    make: (scratch: string) => Promise<void> | void,
  ): Promise<string> {
    const path = await this.#item(`${kind}-${(await digest(key)).slice(0, 16)}`, make);
    await Deno.utime(path, new Date(), new Date());
    await this.#removeOld(`${kind}-`);
    return path;
  }

  async #item(
    name: string,
    make: (scratch: string) => Promise<void> | void,
  ): Promise<string> {
    const path = `${this.path}/${name}`;
    if (await exists(path)) return path;
    const scratch = `${this.path}/.new-${name}-${crypto.randomUUID()}`;
    try {
      await make(scratch);
      await Deno.rename(scratch, path);
    } catch (error) {
      // Somebody else was faster, with the same: a folder can't be renamed onto a full one.
      if (error instanceof UnavailableError || !await exists(path)) throw error;
    } finally {
      await Deno.remove(scratch, { recursive: true }).catch(ignoreMissing);
    }
    return path;
  }

  async #removeOld(prefix: string): Promise<void> {
    const found: { path: string; usedMs: number }[] = [];
    for await (const { name } of Deno.readDir(this.path)) {
      if (!name.startsWith(prefix)) continue;
      const path = `${this.path}/${name}`;
      const info = await Deno.stat(path).catch(ignoreMissing);
      if (info !== undefined) found.push({ path, usedMs: info.mtime?.getTime() ?? 0 });
    }
    found.sort((one, other) => other.usedMs - one.usedMs);
    for (const { path } of found.slice(KEPT_COUNT)) await Deno.remove(path).catch(ignoreMissing);
  }
}

/** Path, size and time of files, as a part of a key: whoever changes a file changes one of them. */
export function fingerprint(paths: readonly string[]): string {
  return paths.map((path) => {
    const { size, mtime } = Deno.statSync(path);
    return `${path} ${size} ${mtime?.getTime()}\n`;
  }).join("");
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
