/**
 * Walks through a log file: every frame is opened (its checksum, its events) and has to follow on those before it.
 *
 * Called by stat.ts, verify.ts, cut.ts and join.ts.
 */
import { FrameDecoder, type LogEvent } from "../codec/codec.ts";
import type { LogOrder } from "./order.ts";
import type { LogFile, LogFrame } from "./reader.ts";

/** Who looks at frames and events on the way. */
export interface Visitor {
  /** The next events are this frame's, which is right by itself; whether it follows on the last one is checked next. */
  begin(frame: LogFrame): void;
  /** One of them; it has been checked. */
  event(event: LogEvent): void;
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
): AsyncGenerator<LogFrame, void> {
  using decoder = new FrameDecoder();
  for await (const frame of file.frames()) {
    file.within(frame, () => {
      const header = decoder.open(frame.bytes);
      visitor?.begin?.(frame);
      order.begin(header);
      for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
        order.meet(event);
        visitor?.event?.(event);
      }
    });
    yield frame;
  }
}
