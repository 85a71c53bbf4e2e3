/**
 * The arbiter as a directory: what the production FileArbiter works on here.
 */
import type { FileOps } from "../../arbiter/file_ops.ts";
import type { Random } from "../support/random.ts";
import type { SimProcess } from "./process.ts";
import { type Registers, Traveller } from "./roads.ts";

/** The files. */
export class SimDirectory {
  readonly #files = new Map<string, string>();

  constructor(private readonly registers: Registers) {}

  /** A second name for a file: the test-and-set. */
  link(from: string, to: string): void {
    if (this.#files.has(to)) throw systemError("EEXIST");
    const text = this.read(from);
    this.#files.set(to, text);
    this.registers.note(text);
  }

  /** A new file. */
  create(path: string, text: string): void {
    if (this.#files.has(path)) throw systemError("EEXIST");
    this.#files.set(path, text);
  }

  /** What a file holds. */
  read(path: string): string {
    const text = this.#files.get(path);
    if (text === undefined) throw systemError("ENOENT");
    return text;
  }

  /** Removes a file. */
  remove(path: string): void {
    this.read(path);
    this.#files.delete(path);
  }

  /** The names in it. */
  list(): string[] {
    return [...this.#files.keys()].map((path) => path.slice(path.lastIndexOf("/") + 1));
  }
}

/** The operations as a process's production code calls them. */
export class SimFileOps implements FileOps {
  readonly #directory: SimDirectory;
  readonly #traveller: Traveller;

  constructor(process: SimProcess, random: Random) {
    this.#directory = process.world.directory;
    const failure = () => systemError("EIO");
    this.#traveller = new Traveller(process, random, { failure, patienceMs: undefined });
  }

  create(path: string, text: string): Promise<void> {
    return this.#traveller.operate(() => this.#directory.create(path, text));
  }
  link(from: string, to: string): Promise<void> {
    return this.#traveller.operate(() => this.#directory.link(from, to));
  }
  syncDirectory(): Promise<void> {
    return this.#traveller.operate(() => {});
  }
  remove(path: string): Promise<void> {
    return this.#traveller.operate(() => this.#directory.remove(path));
  }
  read(path: string): Promise<string> {
    return this.#traveller.operate(() => this.#directory.read(path));
  }
  list(): Promise<string[]> {
    return this.#traveller.operate(() => this.#directory.list());
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code} (simulated)`), { code });
}
