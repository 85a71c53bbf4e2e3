/**
 * Files that are being made: in a folder of their own inside of the one where they are to be, until they are whole. That
 * folder is gone at the end, also when this process is stopped.
 *
 * Used by main.ts.
 */
import { onStopSignals } from "../../base/command_line.ts";
import { UnavailableError } from "../../base/errors.ts";

/** See the top of the file. */
export class Parts implements Disposable {
  readonly #part: string;
  readonly #stopping = new AbortController();
  readonly #stopListening: () => void;

  /** @throws UnavailableError if `folder` can't be written */
  constructor(private readonly folder: string) {
    try {
      Deno.mkdirSync(folder, { recursive: true });
      this.#part = Deno.makeTempDirSync({ dir: folder, prefix: ".part-" });
    } catch (cause) {
      throw new UnavailableError(`can't write ${folder}: ${(cause as Error).message}`, { cause });
    }
    this.#stopListening = onStopSignals((signal) => {
      this.#stopping.abort();
      this.#remove();
      Deno.exit(signal === "SIGINT" ? 130 : 143);
    });
  }

  /** Ends whatever makes a file, when this process is stopped. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Where to make it. */
  path(file: string): string {
    return `${this.#part}/${file}`;
  }

  /** It is whole. Returns its length. */
  finish(file: string): number {
    const path = `${this.folder}/${file}`;
    Deno.renameSync(this.path(file), path);
    return Deno.statSync(path).size;
  }

  /** Leaves only what is whole. */
  [Symbol.dispose](): void {
    this.#stopListening();
    this.#remove();
  }

  #remove(): void {
    Deno.removeSync(this.#part, { recursive: true });
  }
}
