/**
 * Console input on the server: numbered, taken exactly once, bounded.
 *
 * *Accepted* is what has come in order; *committed* is what can't be lost any more. A client keeps what
 * is not committed and sends it again to whoever serves next, starting where that one's input
 * stands; bytes below it are thrown away. Only `console_server.ts` and its sessions use this.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/layout.ts";
import { PeerError } from "../base/errors.ts";
import { consoleInputBytes } from "../base/limits.ts";
import { InputQueue } from "./input_queue.ts";

/** See the top of the file. */
export class ConsoleInput {
  readonly #queue = new InputQueue();
  #accepted = 0;
  #committed = 0;

  /** The offset of the next byte to come. */
  get accepted(): number {
    return this.#accepted;
  }

  /** All below this offset is safe. */
  get committed(): number {
    return this.#committed;
  }

  /** Goes on from what the log holds: at the start, and at a takeover. */
  start(offset: number): void {
    this.#accepted = this.#committed = offset;
  }

  /** Takes what a client has sent. @throws PeerError for a hole, or too much */
  accept(offset: number, bytes: Bytes): void {
    if (offset > this.#accepted) {
      throw new PeerError(`console: input at ${offset}, expected ${this.#accepted} or below`);
    }
    const end = offset + bytes.length;
    if (end > this.#committed + consoleInputBytes) {
      throw new PeerError(
        `console: input to ${end}, the window ends at ${this.#committed + consoleInputBytes}`,
      );
    }
    if (end <= this.#accepted) return;
    void this.#queue.push(bytes.subarray(this.#accepted - offset));
    this.#accepted = end;
  }

  /** All below `offset` is safe. */
  commit(offset: number): void {
    assert(
      offset <= this.#accepted,
      `input committed to ${offset}, accepted to ${this.#accepted}`,
    );
    this.#committed = Math.max(this.#committed, offset);
  }

  /** The next input, once there is some; undefined at the end. One call at a time. */
  read(): Promise<Bytes | undefined> {
    return this.#queue.read();
  }

  /** No more input. */
  end(): void {
    this.#queue.end();
  }
}
