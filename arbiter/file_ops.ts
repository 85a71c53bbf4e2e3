/**
 * The few file operations that the file arbiter is made of, behind an interface, so that tests can
 * make each of them fail, or stop the world between any two.
 *
 * All are asynchronous: a directory on a network file system may take its time, and the heartbeats
 * must go on meanwhile. Only `file.ts` and its tests use this.
 */

/** What the file arbiter does to its directory. Errors are those of Deno, with a `code`. */
export interface FileOps {
  /** Writes a new file, whole, and flushes it to the disk; fails if the file exists. */
  create(path: string, text: string): Promise<void>;
  /** A second name for a file; fails with EEXIST if `to` exists. Atomic: the test-and-set. */
  link(from: string, to: string): Promise<void>;
  /** Flushes the names in a directory to the disk. */
  syncDirectory(path: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Reads at most `limitBytes` + 1 bytes of a file. */
  read(path: string, limitBytes: number): Promise<string>;
  /** The names in a directory. */
  list(path: string): Promise<string[]>;
}

/** {@link FileOps} of the operating system. */
export const systemFileOps: FileOps = {
  async create(path, text) {
    using file = await Deno.open(path, { write: true, createNew: true });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  },
  link: (from, to) => Deno.link(from, to),
  async syncDirectory(path) {
    using directory = await Deno.open(path, { read: true });
    await directory.sync();
  },
  remove: (path) => Deno.remove(path),
  async read(path, limitBytes) {
    using file = await Deno.open(path, { read: true });
    const bytes = new Uint8Array(limitBytes + 1);
    let end = 0;
    while (end < bytes.length) {
      const count = await file.read(bytes.subarray(end));
      if (count === null) break;
      end += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, end));
  },
  list: async (path) => (await Array.fromAsync(Deno.readDir(path))).map((entry) => entry.name),
};
