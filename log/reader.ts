/**
 * Reads a log file frame by frame, in pieces: a log may be larger than memory, or come out of a pipe.
 *
 * Only headers are looked at here, for where the next frame begins; walk.ts checks the rest. A file that ends in the
 * middle of a frame is not at fault (its writer may have been killed): {@link LogFile.cutBytes} says so.
 *
 * Called by all of `understudy log`.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { logBufferBytes } from "../base/limits.ts";
import { type FrameHeader, HEADER_BYTES, readHeader } from "../codec/codec.ts";
import { LOG_FILE_HEADER_BYTES } from "../codec/log_file.ts";
import { type FaultPlace, LogFault } from "./fault.ts";
import { memoryBytesOf } from "./head.ts";

/** Is told how many bytes of a file have been read. */
export type ReadProgress = (bytes: number) => void;

/** A frame in a log file. */
export interface LogFrame extends FaultPlace {
  /** What stands in front of it; what it says about itself is known once it is opened. */
  readonly header: FrameHeader;
  /** The whole frame; good until the next one is asked for. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A log file that is open for one pass. */
export class LogFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(logBufferBytes);
  /** What of the buffer has been read and not yet handed out. */
  #start = 0;
  #end = 0;
  /** Where in the file `#start` is. */
  #offset = 0;
  #memoryBytes = 0;
  #cutBytes = 0;

  private constructor(
    readonly path: string,
    file: Deno.FsFile,
    private readonly progress: ReadProgress,
  ) {
    this.#file = file;
  }

  /**
   * Opens a file and reads its head.
   * @param progress is told with every piece that is read
   * @throws UnavailableError if it can't be read, PeerError if it is no log
   */
  static async open(path: string, progress: ReadProgress = () => {}): Promise<LogFile> {
    using stack = new DisposableStack();
    const log = stack.use(
      new LogFile(path, await readable(path, () => Deno.open(path)), progress),
    );
    await log.#has(LOG_FILE_HEADER_BYTES);
    log.#memoryBytes = memoryBytesOf(log.#buffer.subarray(0, log.#end), path);
    log.#pass(LOG_FILE_HEADER_BYTES);
    stack.move();
    return log;
  }

  /** The size of its machine's memory. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Where the last frame that was handed out ends; all that comes before is whole. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes at the end of the file that are no whole frame; known once there are no more frames. */
  get cutBytes(): number {
    return this.#cutBytes;
  }

  /** The whole frames, in order. @throws LogFault where there is no frame's header, UnavailableError */
  async *frames(): AsyncGenerator<LogFrame, void> {
    for (let number = 1;; number++) {
      if (!this.#holds(HEADER_BYTES) && !await this.#has(HEADER_BYTES)) break;
      const place = { frame: number, offset: this.#offset };
      const header = this.within(
        place,
        () => readHeader(this.#buffer.subarray(this.#start, this.#start + HEADER_BYTES)),
      );
      const length = HEADER_BYTES + header.payloadBytes;
      if (!this.#holds(length) && !await this.#has(length)) break;
      const bytes = this.#buffer.subarray(this.#start, this.#start + length);
      this.#pass(length);
      yield { ...place, header, bytes };
    }
    this.#cutBytes = this.#end - this.#start;
  }

  /** What `act` comes to. @throws LogFault with this place, for a PeerError */
  within<T>(place: FaultPlace, act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      throw new LogFault(this.path, place, error.message);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #holds(bytes: number): boolean {
    return this.#end - this.#start >= bytes;
  }

  #pass(bytes: number): void {
    this.#start += bytes;
    this.#offset += bytes;
  }

  /** Reads until so many bytes are there. @returns whether they are: the file may end before */
  async #has(bytes: number): Promise<boolean> {
    if (this.#start + bytes > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (!this.#holds(bytes)) {
      const room = this.#buffer.subarray(this.#end);
      assert(room.length > 0, `no room for ${bytes} bytes in ${this.#buffer.length}`);
      const count = await readable(this.path, () => this.#file.read(room));
      if (count === null) return false;
      this.#end += count;
      this.progress(this.#offset + this.#end - this.#start);
    }
    return true;
  }
}

async function readable<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new UnavailableError(`can't read the log ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
