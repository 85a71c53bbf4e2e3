/**
 * A log file that is being made: written under a name of its own beside the one that it is to have, and given that
 * name once it is whole and on the disk. Who looks there sees nothing, or a whole file; a file that is there already is
 * replaced on request only.
 *
 * Called by cut.ts, convert.ts and join.ts.
 */
import { onStopSignals } from "../base/command_line.ts";
import { OsError, UnavailableError, UsageError } from "../base/errors.ts";
import { logBufferBytes } from "../base/limits.ts";

/** Where to make a file. */
export interface NewFileOptions {
  readonly path: string;
  /** Replace the file that is there. */
  readonly force: boolean;
}

/** See the top of the file. What is disposed of before {@link NewFile.finish} leaves nothing. */
export class NewFile implements Disposable {
  readonly #partPath: string;
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(logBufferBytes);
  readonly #stopListening: () => void;
  #length = 0;
  #isOpen = true;
  #bytes = 0;

  private constructor(private readonly options: NewFileOptions) {
    this.#partPath = `${options.path}.${crypto.randomUUID().slice(0, 8)}.part`;
    // It can take minutes: who stops it wants it to stop, and no part of a log in the way. From before there is one: a
    // signal that comes in between is heard once there is.
    this.#stopListening = onStopSignals((signal) => {
      this.#discard();
      Deno.exit(signal === "SIGINT" ? 130 : 143);
    });
    try {
      this.#file = Deno.openSync(this.#partPath, { write: true, createNew: true });
    } catch (error) {
      this.#stopListening();
      throw error;
    }
  }

  /** Begins a file. @throws UsageError if its name is taken, UnavailableError if it can't be made */
  static create(options: NewFileOptions): NewFile {
    const { path, force } = options;
    checkFree(path, force);
    try {
      return new NewFile(options);
    } catch (cause) {
      const { message } = cause as Error;
      throw new UnavailableError(`can't write ${path}: ${message}`, { cause });
    }
  }

  /** How long it is so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends. `bytes` are copied, and at most as long as a frame is. @throws OsError */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.length > this.#buffer.length) await this.#flush();
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#bytes += bytes.length;
  }

  /** It is whole: gives it its name. @throws UsageError if that is taken by now, OsError */
  async finish(): Promise<void> {
    const { path, force } = this.options;
    await this.#flush();
    await written(path, () => this.#file.sync());
    // A link does not replace what is there, whoever put it there in the meantime.
    await written(path, async () => {
      if (force) await Deno.rename(this.#partPath, path);
      else await Deno.link(this.#partPath, path);
    });
    this.#discard();
  }

  /** Leaves nothing behind but what is finished. */
  [Symbol.dispose](): void {
    this.#discard();
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#length);
    await written(this.options.path, async () => {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    });
    this.#length = 0;
  }

  #discard(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
    try {
      Deno.removeSync(this.#partPath);
    } catch (error) {
      // It has its name.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    } finally {
      this.#stopListening();
    }
  }
}

/** Whether a file may be made there. Even on request nothing but a file is replaced: /dev/null is none. */
function checkFree(path: string, force: boolean): void {
  let there: Deno.FileInfo;
  try {
    there = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new UnavailableError(`can't write ${path}: ${(error as Error).message}`);
  }
  if (!there.isFile) throw new UsageError(`${path} is there, and is no file: choose another name`);
  if (!force) throw isThere(path);
}

function isThere(path: string): UsageError {
  return new UsageError(`${path} is there: choose another name, or replace it (--force)`);
}

async function written(path: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) throw isThere(path);
    const { message } = cause as Error;
    throw new OsError(`writing ${path}`, 0, `${message}; is the disk full?`);
  }
}
