/**
 * Walks through a log file: every frame is opened (its checksum, its events) and has to follow on those before it.
 *
 * Called by stat.ts, verify.ts, cut.ts, convert.ts and join.ts.
 */
import { type EventBytes, FrameDecoder, type LogEvent, type LogHeader } from "../codec/codec.ts";
import type { LogOrder } from "./order.ts";
import type { LogFile, LogFrame } from "./reader.ts";

/** A frame that is right by itself. */
export interface OpenedFrame extends LogFrame {
  /** What it says about itself. */
  readonly log: LogHeader;
}

/** Who looks at frames and events on the way. */
export interface Visitor {
  /** The next events are this frame's, which is right by itself; whether it follows on the last one is checked next. */
  begin(frame: OpenedFrame): void;
  /** One of them; it has been checked. `bytes`: what it takes of its frame. */
  event(event: LogEvent, bytes: EventBytes): void;
}

/**
 * The frames of a file, each once all of its events are checked and have been visited.
 * @param order follows them; several files that share one have to follow on one another
 * @throws LogFault with the place of the first that is wrong
 */
export async function* walk(
  file: LogFile,
  order: LogOrder,
  visitor?: Partial<Visitor>,
): AsyncGenerator<OpenedFrame, void> {
  using decoder = new FrameDecoder();
  for await (const frame of file.frames()) {
    yield file.within(frame, () => {
      const opened = { ...frame, log: decoder.open(frame.bytes) };
      visitor?.begin?.(opened);
      order.begin(opened.log);
      for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
        order.meet(event);
        visitor?.event?.(event, decoder.eventBytes);
      }
      return opened;
    });
  }
}
