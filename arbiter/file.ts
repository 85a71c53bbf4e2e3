/**
 * The arbiter in a directory that both sides can reach: `file:DIR`, one file a generation.
 *
 *     DIR/MACHINE.GENERATION.json              the register: there, and whole, or not there
 *     DIR/.MACHINE.GENERATION.json.UUID.tmp    a claim on its way, or left by a crash
 *
 * A claim writes the temporary, flushes it, gives it the final name with `link(2)`, and flushes the
 * directory. `link` fails if the name exists, on every POSIX file system and over NFS: that is the
 * test-and-set. (`rename` would replace, `O_EXCL` would show an empty file after a crash.) Its
 * error alone proves nothing (over NFS a reply can get lost), so after any error the register is
 * read: own nonce means won.
 *
 * `DIR` is never created by a claim, and a claim of generation g > 1 wants the register of g-1 there:
 * where a network directory has come off, the empty mount point must not look like an arbiter.
 */
import { assert } from "../base/assert.ts";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { registerFileBytes } from "../base/arbiter_limits.ts";
import {
  type Arbiter,
  checkMachineId,
  type ClaimResult,
  formatRegister,
  isGeneration,
  parseRegister,
  type Register,
  registerFault,
} from "./arbiter.ts";
import { type FileOps, systemFileOps } from "./file_ops.ts";

/** See the top of the file. Made by `openArbiter`. */
export class FileArbiter implements Arbiter {
  /**
   * Touches nothing yet.
   * @param directory exists, is writable, and is the same one for both sides
   * @param ops tests wrap these
   */
  constructor(readonly directory: string, readonly ops: FileOps = systemFileOps) {}

  /** The interface's `claim`. */
  async claim(register: Register): Promise<ClaimResult> {
    const text = formatRegister(register);
    const path = this.#path(register.machineId, register.generation);
    const fault = registerFault(register);
    if (fault !== undefined) throw new UsageError(`a register to claim: ${fault}`);
    const unreachable = await this.#missing(register);
    if (unreachable !== undefined) return { kind: "unreachable", why: unreachable };

    const temporary = this.#temporary(path);
    const refusal = await this.#attempt(() => this.#write(temporary, text, path));
    const result = await this.#judge(register, refusal);
    await this.#attempt(() => this.#clean(register.machineId, temporary));
    return result;
  }

  /** The interface's `read`. */
  async read(machineId: string, generation: number): Promise<Register | undefined> {
    const path = this.#path(machineId, generation);
    let text: string;
    try {
      text = await this.ops.read(path, registerFileBytes);
    } catch (cause) {
      // No such file is an answer only while its directory is there.
      if (codeOf(cause) === "ENOENT") return await this.#names().then(() => undefined);
      throw this.#unavailable(cause);
    }
    return parseRegister(text, path, machineId, generation);
  }

  /** The interface's `latest`. */
  async latest(machineId: string): Promise<Register | undefined> {
    checkMachineId(machineId);
    const highest = latestOf(await this.#names(), machineId);
    return highest === 0 ? undefined : await this.read(machineId, highest);
  }

  /** The interface's `probe`. */
  async probe(machineId: string): Promise<void> {
    const latest = await this.latest(machineId);
    if (latest === undefined) {
      throw new UnavailableError(`arbiter file:${this.directory}: knows no machine ${machineId}`);
    }
    // Of a generation that is decided, so that whatever a crash leaves of it is cleared by the next claim.
    const temporary = this.#temporary(this.#path(machineId, latest.generation));
    try {
      await this.ops.create(temporary, "");
      await this.ops.remove(temporary);
    } catch (cause) {
      throw this.#unavailable(cause);
    }
  }

  /** Holds nothing open. */
  close(): void {}

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #write(temporary: string, text: string, path: string): Promise<void> {
    await this.ops.create(temporary, text);
    await this.ops.link(temporary, path);
  }

  /** Why a claim would be in vain: the generation before it is not there. */
  async #missing({ machineId, generation }: Register): Promise<string | undefined> {
    if (generation === 1) return undefined;
    try {
      if (await this.read(machineId, generation - 1) !== undefined) return undefined;
      const before = nameOf(this.#path(machineId, generation - 1));
      return `arbiter file:${this.directory}: ${before} is not there, so this is not the directory in which the machine was started; is it mounted?`;
    } catch (cause) {
      if (cause instanceof UnavailableError) return cause.message;
      throw cause;
    }
  }

  /** Who has the register, whatever `refusal` the attempt at creating it met with. */
  async #judge(register: Register, refusal: string | undefined): Promise<ClaimResult> {
    let holder: Register | undefined;
    try {
      holder = await this.read(register.machineId, register.generation);
    } catch (cause) {
      if (cause instanceof UnavailableError) return { kind: "unreachable", why: cause.message };
      throw cause;
    }
    if (holder === undefined) {
      const why = refusal ?? `arbiter file:${this.directory}: the register has vanished`;
      return { kind: "unreachable", why };
    }
    if (holder.nonce !== register.nonce) return { kind: "lost", holder };
    // Won is only what a power cut can't undo.
    const unsure = await this.#attempt(() => this.ops.syncDirectory(this.directory));
    if (unsure !== undefined) return { kind: "unreachable", why: unsure };
    return { kind: "won", register: holder };
  }

  /** Removes the own temporary, and those of claims that a register has since decided: if one of their
   * claimers still runs, its `link` fails, and it reads that it has lost. */
  async #clean(machineId: string, own: string): Promise<void> {
    const names = await this.#names();
    const decided = latestOf(names, machineId);
    for (const name of names) {
      const [, id, generation] = name.match(temporaryPattern) ?? [];
      const stale = id === machineId && Number(generation) <= decided;
      if (stale || name === nameOf(own)) {
        await this.#attempt(() => this.ops.remove(`${this.directory}/${name}`));
      }
    }
  }

  async #names(): Promise<string[]> {
    try {
      return await this.ops.list(this.directory);
    } catch (cause) {
      throw this.#unavailable(cause);
    }
  }

  /** Does something that the system may refuse. Returns what to tell people, if it did. */
  async #attempt(action: () => Promise<void>): Promise<string | undefined> {
    try {
      await action();
      return undefined;
    } catch (cause) {
      return (cause instanceof UnavailableError ? cause : this.#unavailable(cause)).message;
    }
  }

  /** The error for what the system refused. @throws whatever is not of the system: a defect */
  #unavailable(cause: unknown): UnavailableError {
    const code = codeOf(cause);
    if (code === undefined) throw cause;
    // Without what differs from one attempt to the next: it says nothing to people.
    const what = (cause as Error).message.replaceAll(/\.[0-9a-f-]{36}(?=\.tmp)/g, "");
    const text = `${what}; ${advice[code] ?? "look at the disk and the network"}`;
    return new UnavailableError(`arbiter file:${this.directory}: ${text}`, { cause });
  }

  /** What a register's file is called until it is whole. */
  #temporary(path: string): string {
    return `${this.directory}/.${nameOf(path)}.${crypto.randomUUID()}.tmp`;
  }

  #path(machineId: string, generation: number): string {
    checkMachineId(machineId);
    assert(isGeneration(generation), `generation is ${generation}, expected 1 or more`);
    return `${this.directory}/${machineId}.${generation}.json`;
  }
}

const temporaryPattern = /^\.(.+)\.(\d+)\.json\.[0-9a-f-]{36}\.tmp$/;

/** The highest generation that has a register, 0 if there is none. */
function latestOf(names: readonly string[], machineId: string): number {
  let latest = 0;
  for (const name of names) {
    if (!name.startsWith(`${machineId}.`)) continue;
    const [, text] = name.slice(machineId.length).match(/^\.([1-9]\d*)\.json$/) ?? [];
    const generation = Number(text);
    if (isGeneration(generation)) latest = Math.max(latest, generation);
  }
  return latest;
}

const advice: Readonly<Record<string, string>> = {
  ENOENT: "create the directory (on the storage that both sides share), or mount it",
  ENOTDIR: "give a directory",
  EACCES: "let this user read and write the directory",
  EPERM: "the file system must allow hard links; take another one",
  EOPNOTSUPP: "the file system must allow hard links; take another one",
  EROFS: "mount it writable",
  ENOSPC: "make room on the disk",
  EDQUOT: "make room in the quota",
  EIO: "the storage fails: look at the kernel's messages",
  ESTALE: "the network file system lost the directory: mount it again",
};

/** The code of an error of the operating system (`ENOENT`), undefined for any other error. */
function codeOf(cause: unknown): string | undefined {
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
