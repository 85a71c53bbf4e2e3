/**
 * The arbiter's directory, and each host's road to it: what the production FileArbiter works on here.
 *
 * A road can be slow, blocked (operations fail, or hang until it is free), or treacherous: an operation
 * fails for its caller and is carried out all the same, at once or later.
 */
import type { Register } from "../../arbiter/arbiter.ts";
import type { FileOps } from "../../arbiter/file_ops.ts";
import type { Random } from "../support/random.ts";
import type { SimProcess } from "./process.ts";

/** How a host reaches the directory. */
export type Road = "free" | "slow" | "failing" | "hanging" | "treacherous";

/** The files. */
export class SimDirectory {
  readonly files = new Map<string, string>();
  /** The registers among them, by generation: what everybody could read. */
  readonly registers = new Map<number, Register>();

  /** A second name for a file: the test-and-set. */
  link(from: string, to: string): void {
    if (this.files.has(to)) throw systemError("EEXIST");
    const text = this.#text(from);
    this.files.set(to, text);
    const register: Register = JSON.parse(text);
    this.registers.set(register.generation, register);
  }

  /** A new file. */
  create(path: string, text: string): void {
    if (this.files.has(path)) throw systemError("EEXIST");
    this.files.set(path, text);
  }

  /** What a file holds. */
  read(path: string): string {
    return this.#text(path);
  }

  /** Removes a file. */
  remove(path: string): void {
    this.#text(path);
    this.files.delete(path);
  }

  /** The names in it. */
  list(): string[] {
    return [...this.files.keys()].map((path) => path.slice(path.lastIndexOf("/") + 1));
  }

  #text(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw systemError("ENOENT");
    return text;
  }
}

/** The operations as a process's production code calls them. */
export class SimFileOps implements FileOps {
  constructor(private readonly process: SimProcess, private readonly random: Random) {}

  create(path: string, text: string): Promise<void> {
    return this.#operate((directory) => directory.create(path, text));
  }
  link(from: string, to: string): Promise<void> {
    return this.#operate((directory) => directory.link(from, to));
  }
  syncDirectory(): Promise<void> {
    return this.#operate(() => {});
  }
  remove(path: string): Promise<void> {
    return this.#operate((directory) => directory.remove(path));
  }
  read(path: string): Promise<string> {
    return this.#operate((directory) => directory.read(path));
  }
  list(): Promise<string[]> {
    return this.#operate((directory) => directory.list());
  }

  #operate<T>(action: (directory: SimDirectory) => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { world } = this.process;
    world.promises.noteWait();
    this.#travel(() => {
      const result = attempt(() => action(world.directory));
      this.#answer(() => "error" in result ? reject(result.error) : resolve(result.value));
      return result;
    }, (code) => this.#answer(() => reject(systemError(code))));
    return promise;
  }

  /** @param arrive the operation reaches the directory @param fail the caller hears of a failure */
  #travel(arrive: () => void, fail: (code: string) => void): void {
    const { process, random } = this;
    const { world, host } = process;
    const fastMs = 0.4 + random.below(100) / 100;
    switch (host.road) {
      case "free":
        return world.scheduler.after(fastMs, arrive);
      case "slow":
        return world.scheduler.after(fastMs + random.below(world.config.timeoutMs), arrive);
      case "failing":
        return world.scheduler.after(fastMs, () => fail("EIO"));
      case "hanging":
        host.hanging.push(() => world.scheduler.after(fastMs, arrive));
        return;
      case "treacherous": {
        const fate = random.below(4);
        if (fate === 0) return world.scheduler.after(fastMs, arrive);
        // It fails for the caller; it is carried out before that, after that, or not at all.
        const lateMs = random.below(2 * world.config.timeoutMs);
        if (fate < 3) {
          world.scheduler.after(fate === 1 ? fastMs / 2 : lateMs, () => this.#unheard(arrive));
        }
        return world.scheduler.after(fastMs, () => fail("EIO"));
      }
    }
  }

  #isUnheard = false;

  #unheard(arrive: () => void): void {
    this.#isUnheard = true;
    arrive();
    this.#isUnheard = false;
  }

  #answer(settle: () => void): void {
    if (this.#isUnheard) return;
    const { process } = this;
    process.world.scheduler.after(0.1, () =>
      process.onMain(() => {
        settle();
        process.world.promises.noteSettled();
      }));
  }
}

function attempt<T>(action: () => T): { value: T } | { error: unknown } {
  try {
    return { value: action() };
  } catch (error) {
    return { error };
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code} (simulated)`), { code });
}
