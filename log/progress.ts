/**
 * How far a long pass over a log has come: a bar on a terminal, once it takes so long that somebody wonders.
 *
 * Made by command.ts for each command that reads files.
 */
import { bar } from "../base/bar.ts";
import { progressMs } from "../base/limits.ts";
import type { Reporter } from "../base/reporter.ts";

const BAR_COLUMNS = 24;

/** Shows how much of some files has been read, until it is disposed of. */
export class Progress implements Disposable {
  #beforeBytes = 0;
  #fileBytes = 0;
  #nextMs: number;

  /**
   * @param totalBytes of all files; 0 if nobody knows, and there is no bar
   * @param nowMs any clock that does not go back
   */
  constructor(
    private readonly reporter: Pick<Reporter, "live">,
    private readonly totalBytes: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#nextMs = nowMs() + progressMs.after;
  }

  /** So much of the present file has been read. */
  at(bytes: number): void {
    this.#fileBytes = bytes;
    const nowMs = this.nowMs();
    if (this.totalBytes === 0 || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + progressMs.every;
    const share = (this.#beforeBytes + bytes) / this.totalBytes;
    this.reporter.live(`${bar(share, BAR_COLUMNS)} ${Math.floor(100 * Math.min(1, share))} %`);
  }

  /** The present file is done, another one follows. */
  next(): void {
    this.#beforeBytes += this.#fileBytes;
    this.#fileBytes = 0;
  }

  /** Takes the bar away. */
  [Symbol.dispose](): void {
    this.reporter.live("");
  }
}

/** The sizes of these files together; 0 if one of them has none, such as a pipe. */
export function totalBytesOf(paths: readonly string[]): number {
  let total = 0;
  for (const path of paths) {
    try {
      const { isFile, size } = Deno.statSync(path);
      if (!isFile) return 0;
      total += size;
    } catch {
      // Whoever opens it says why it can't be read.
      return 0;
    }
  }
  return total;
}
