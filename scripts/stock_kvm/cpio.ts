/**
 * Writes cpio archives of the "newc" format, which Linux unpacks as its first root file system.
 *
 * ```
 *   "070701" │ 13 numbers of 8 hex digits │ name, NUL, padding to 4 │ content, padding to 4
 *            │ inode mode uid gid links mtime size major minor rmajor rminor namesize 0
 * ```
 *
 * The last entry is called `TRAILER!!!`. Archives may stand one after another in one file: the later
 * one's files replace the earlier one's (Linux, Documentation/driver-api/early-userspace/buffer-format).
 * That is what makes the project a small layer upon a base that seldom changes. The layers of this
 * folder call it.
 */
import { dirname } from "node:path";

/** What an archive holds. Paths are absolute, as they will be inside. */
export type CpioEntry =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly executable: boolean;
    /** The bytes, or the file to read them from when its turn comes. */
    readonly content: Uint8Array<ArrayBuffer> | { readonly from: string };
  };

/** Type bits of stat(2) with the permissions that each kind gets. */
const MODES = { folder: 0o040755, link: 0o120777, file: 0o100644, executable: 0o100755 } as const;
const TRAILER = "TRAILER!!!";

/** Writes an archive to a file, which is made anew. */
export function writeCpio(path: string, entries: Iterable<CpioEntry>): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (const bytes of encodeCpio(entries)) {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  }
}

/** An archive's bytes, piece by piece. Folders on the way to an entry are put in by themselves. */
export function* encodeCpio(entries: Iterable<CpioEntry>): Generator<Uint8Array<ArrayBuffer>> {
  const folders = new Set<string>(["/"]);
  let inode = 0;
  for (const entry of entries) {
    for (const folder of missingFolders(entry, folders)) {
      yield* encodeEntry(++inode, folder.slice(1), MODES.folder, new Uint8Array());
    }
    if (entry.kind === "folder") continue;
    yield* encodeEntry(++inode, entry.path.slice(1), modeOf(entry), contentOf(entry));
  }
  yield* encodeEntry(0, TRAILER, 0, new Uint8Array());
}

/** From the outermost on; remembers that they are there from now on. */
function missingFolders(entry: CpioEntry, folders: Set<string>): string[] {
  const missing: string[] = [];
  let folder = entry.kind === "folder" ? entry.path : dirname(entry.path);
  for (; !folders.has(folder); folder = dirname(folder)) {
    folders.add(folder);
    missing.unshift(folder);
  }
  return missing;
}

function modeOf(entry: Exclude<CpioEntry, { kind: "folder" }>): number {
  if (entry.kind === "link") return MODES.link;
  return entry.executable ? MODES.executable : MODES.file;
}

function contentOf(entry: Exclude<CpioEntry, { kind: "folder" }>): Uint8Array<ArrayBuffer> {
  if (entry.kind === "link") return new TextEncoder().encode(entry.target);
  return entry.content instanceof Uint8Array
    ? entry.content
    : Deno.readFileSync(entry.content.from);
}

function* encodeEntry(
  inode: number,
  name: string,
  mode: number,
  content: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  const nameBytes = new TextEncoder().encode(`${name}\0`);
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const text = numbers.map((number) => number.toString(16).padStart(8, "0")).join("");
  const header = new TextEncoder().encode(`070701${text}`);
  yield header;
  yield nameBytes;
  yield padding(header.length + nameBytes.length);
  yield content;
  yield padding(content.length);
}

function padding(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(-length & 3);
}
