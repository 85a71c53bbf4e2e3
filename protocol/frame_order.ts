/**
 * A session's frames in the order of their numbers, though they come from two threads.
 *
 * ```
 *   pages of the state, made by main:    1  2  3 ··· n-1  n ┐
 *   state and log, made by the vCPU's:                      ├─▶ 1 2 3 ··· n-1 n n+1 n+2 n+3
 *                                        n+1  n+2  n+3 ──── ┘
 * ```
 *
 * The machine goes on, and its log with it, once the last pages have been copied out; they are made frames of
 * and sent after that. What has been logged by then waits here for its turn.
 *
 * Used by the primary's bookkeeping of a session.
 */
import { assert } from "../base/assert.ts";
import { Fifo } from "../base/fifo.ts";
import type { LoggedFrame } from "./primary_types.ts";

/** See the top of the file. */
export class FrameOrder {
  #last = 0;
  readonly #ahead = new Fifo<LoggedFrame>();
  #aheadBytes = 0;
  /** The state's last frame has had its turn: from then on all comes from one thread. */
  #isWhole = false;

  /** What waits for its turn, in bytes. */
  get aheadBytes(): number {
    return this.#aheadBytes;
  }

  /** Takes a frame; returns those whose turn it is now, in order. */
  take(frame: LoggedFrame): LoggedFrame[] {
    if (frame.sequence !== this.#last + 1) {
      const before = this.#ahead.last?.sequence ?? frame.sequence - 1;
      assert(
        frame.sequence === before + 1 && frame.sequence > this.#last && !this.#isWhole,
        `frame ${frame.sequence} of the log after ${this.#last}, with ${this.#ahead.length} ahead of it`,
      );
      this.#ahead.push(frame);
      this.#aheadBytes += frame.bytes.length;
      return [];
    }
    const turn = [frame];
    while (this.#ahead.first?.sequence === frame.sequence + turn.length) {
      const next = this.#ahead.shift()!;
      this.#aheadBytes -= next.bytes.length;
      turn.push(next);
    }
    this.#last = turn.at(-1)!.sequence;
    this.#isWhole ||= turn.some(({ completesState }) => completesState);
    return turn;
  }
}
