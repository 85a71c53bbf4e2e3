/**
 * The order of a session's frames, as they tell once they are opened: numbered without a gap, by a reign that is never followed
 * by an earlier one, up to execution points that do not go back.
 *
 * Pure. Used by `understudy replay` and by log/order.ts, which looks at the events as well.
 */
import { PeerError } from "../base/errors.ts";
import type { LogHeader } from "./codec.ts";

/** The number of the frame that a session begins with. */
export const FIRST_SEQUENCE = 1;

/** Follows what the frames of one session say, or of a piece of it. */
export class FrameOrder {
  #last: LogHeader | undefined;
  #first: LogHeader | undefined;

  /** The header of the first frame; undefined before it. */
  get first(): LogHeader | undefined {
    return this.#first;
  }

  /** The header of the last frame; undefined before the first one. */
  get last(): LogHeader | undefined {
    return this.#last;
  }

  /** Whether what has been followed does not begin where its session does. */
  get isPiece(): boolean {
    return this.#first !== undefined && this.#first.sequence > FIRST_SEQUENCE;
  }

  /**
   * The next frame.
   * @param header what `FrameDecoder.open` returned for it: the frame is of the log, and right by itself
   * @throws PeerError if it can't come after the last one
   */
  follow(header: LogHeader): void {
    const last = this.#last;
    if (last === undefined) {
      if (header.sequence < FIRST_SEQUENCE) {
        throw new PeerError(`sequence ${header.sequence}, expected ${FIRST_SEQUENCE} at least`);
      }
      this.#first = header;
    } else {
      const expected = last.sequence + 1;
      if (header.sequence !== expected) {
        throw new PeerError(`sequence ${header.sequence}, expected ${expected}`);
      }
      for (const name of ["generation", "through"] as const) {
        if (header[name] >= last[name]) continue;
        throw new PeerError(`${name} ${header[name]} comes after ${name} ${last[name]}`);
      }
    }
    this.#last = header;
  }
}
