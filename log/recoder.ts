/**
 * Encodes frames of a log anew: the same frames with the same events, in chains of its own, at a level of its own.
 *
 * It visits the events of a walk (walk.ts) and makes a frame of them where the walk yields one. Called by cut.ts, whose
 * part may begin in the middle of a chain, and by convert.ts.
 */
import { PeerError } from "../base/errors.ts";
import { chainFrames } from "../base/limits.ts";
import { FrameEncoder, type Level, type LogEvent } from "../codec/codec.ts";
import type { OpenedFrame, Visitor } from "./walk.ts";

/** See the top of the file. Dispose of it when done. */
export class Recoder implements Disposable, Pick<Visitor, "event"> {
  readonly #encoder: FrameEncoder;

  constructor(level: Level) {
    this.#encoder = new FrameEncoder({ level, chain: chainFrames[level] });
  }

  /** The next event of the frame that is walked through. @throws PeerError if no encoder of ours put so much in one */
  event(event: LogEvent): void {
    const bytes = event.kind === "time" ? 0 : event.bytes.length;
    if (!this.#encoder.room(bytes)) {
      const { eventCount } = this.#encoder;
      throw new PeerError(
        `${bytes} bytes more than ${eventCount} events leave room for in a frame`,
      );
    }
    this.#encoder.event(event);
  }

  /** That frame, all of whose events have been visited, encoded anew. */
  frame({ log }: Pick<OpenedFrame, "log">): Uint8Array<ArrayBuffer> {
    return this.#encoder.close(log);
  }

  /** Frees the encoder. */
  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}
