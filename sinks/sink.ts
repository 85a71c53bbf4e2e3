/**
 * What a sink is: where a machine's stream of output bytes is performed, and where its console input
 * comes from.
 *
 * Bytes are numbered by their offset in the machine's stream, from 0, over all generations; whoever
 * takes over goes on with the next offset. So a sink that can address by it shows every byte exactly
 * once, and one that can't repeats at most what was performed without its notice having arrived.
 *
 * primary/ performs and reads, backup/ reports what is done and goes live. `open.ts` makes sinks.
 */
import type { Bytes } from "../base/layout.ts";

/** See the top of the file. Calls to `perform`, `done`, `goLive` and `end` wait for each other. */
export interface Sink {
  /** What it was opened from. */
  readonly spec: string;
  /** Where it listens, `HOST:PORT` with the real port; undefined if it does not. */
  readonly address: string | undefined;
  /**
   * Performs these bytes at this offset of the stream. Resolves when they are performed as far as the
   * sink can tell; they may be changed afterwards. Only while live, in the order of the stream.
   * @throws OsError or UnavailableError if the outside refuses them
   */
  perform(offset: number, bytes: Bytes): Promise<void>;
  /** On a backup: the primary has performed these bytes. Same errors. */
  done(offset: number, bytes: Bytes): Promise<void>;
  /**
   * From now on this side serves: a fresh primary, or a backup at its takeover. Called again with the
   * new generation when a primary goes on alone; then the offsets do not matter.
   * @param outputOffset of the first byte that will be performed here
   * @param inputOffset how many bytes of console input the log holds
   */
  goLive(outputOffset: number, inputOffset: number, generation: number): Promise<void>;
  /** This side no longer knows whether it goes on: who watches may look elsewhere, until it goes live again.
   * Nothing is performed in between. */
  suspend(): void;
  /** The next console input, once there is some; undefined at its end. One call at a time. */
  readInput(): Promise<Bytes | undefined>;
  /** Console input up to this offset can't be lost any more: the backup holds its log, or there is no
   * backup. A framed console takes no more than 64 KiB beyond it. */
  inputCommitted(inputOffset: number): void;
  /** The guest has ended, everything is performed: tells who watches. Input is at its end. */
  end(exitCode: number, why: string): Promise<void>;
  /** Gives everything back. After `end` the watchers know why; otherwise they look elsewhere. */
  close(): Promise<void>;
}
