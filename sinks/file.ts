/**
 * The sink `file:PATH`: every byte at its offset in the stream.
 *
 * Never O_APPEND: a byte that is performed twice lands on itself. A backup writes what is done, too: on a
 * shared file that changes nothing, on its own host it makes a full copy. The file is created if it is
 * not there and never truncated, because nobody here can know whose bytes those are: what an
 * older, longer run left behind the end of this one stays. Not flushed to the disk: the file is
 * an output, no part of what a takeover needs.
 */
import type { Bytes } from "../base/layout.ts";
import { assert } from "../base/assert.ts";
import { UnavailableError } from "../base/errors.ts";
import { NoneSink } from "./none.ts";

/** See the top of the file. */
export class FileSink extends NoneSink {
  readonly #file: Deno.FsFile;
  #writing = false;

  /** Opens the file. @throws UnavailableError if the file can't be opened */
  constructor(spec: string, readonly path: string) {
    super(spec);
    try {
      this.#file = Deno.openSync(path, { write: true, create: true });
    } catch (cause) {
      const advice = "give a file that can be written, in a directory that exists";
      const { message } = cause as Error;
      throw new UnavailableError(`sink ${spec}: ${message}; ${advice}`, { cause });
    }
  }

  /** The interface's `perform`. */
  override perform(offset: number, bytes: Bytes): Promise<void> {
    return this.#write(offset, bytes);
  }

  /** The interface's `done`. */
  override done(offset: number, bytes: Bytes): Promise<void> {
    return this.#write(offset, bytes);
  }

  /** The interface's `close`. */
  override close(): Promise<void> {
    this.#file.close();
    return Promise.resolve();
  }

  async #write(offset: number, bytes: Bytes): Promise<void> {
    // Two at once would write at each other's offset.
    assert(!this.#writing, `sink ${this.spec}: two writes at once`);
    this.#writing = true;
    try {
      // Moving the offset never waits for a disk, so it needs no thread; the write may.
      this.#file.seekSync(offset, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    } catch (cause) {
      const { message } = cause as Error;
      const advice = "look at the disk, make room";
      throw new UnavailableError(`sink ${this.spec}: ${message}; ${advice}`, { cause });
    } finally {
      this.#writing = false;
    }
  }
}
