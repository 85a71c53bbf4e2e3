/**
 * How much log may be on its way to the backup: so much that the link is busy, and so little that a heartbeat
 * behind it comes in time.
 *
 * What is sent lies in sockets and routers until the link has carried it, megabytes if need be, and a
 * heartbeat can't overtake it: on a link of 1 Mbit/s, 64 KiB are half a second. So no more is on its way than
 * twice what was received in a span of time, which is a part of the timeout, and at least a small amount. While the
 * link carries more, that doubles from span to span; when it carries less, it falls with it. What has to wait, waits
 * here: it counts as log that is not replayed, and the window for that bounds it (docs/PROTOCOL.md).
 *
 * Used by the primary's bookkeeping of a session.
 */
import { Fifo } from "../base/fifo.ts";
import type { LoggedFrame } from "./primary_types.ts";

/** What was received in one span. */
interface Span {
  readonly beganMs: number;
  bytes: number;
}

/** See the top of the file. */
export class LinkWindow {
  readonly #waiting = new Fifo<LoggedFrame>();
  readonly #onItsWay = new Fifo<{ readonly sequence: number; readonly bytes: number }>();
  #bytes = 0;
  #lastBytes = 0;
  #span: Span;

  /**
   * @param leastBytes of this, as much may always be on its way
   * @param spanMs the span of time
   * @param nowMs when it begins
   */
  constructor(
    private readonly leastBytes: number,
    private readonly spanMs: number,
    nowMs: number,
  ) {
    this.#span = { beganMs: nowMs, bytes: 0 };
  }

  /** What is on its way, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As long as less than this is on its way, one more frame may go. */
  get limitBytes(): number {
    return Math.max(this.leastBytes, 2 * this.#lastBytes, 2 * this.#span.bytes);
  }

  /** A frame that is to be sent when it can be. */
  add(frame: LoggedFrame): void {
    this.#waiting.push(frame);
  }

  /** The frames that go now, in their order: they count as sent. */
  take(): LoggedFrame[] {
    const taken: LoggedFrame[] = [];
    while (this.#waiting.first !== undefined && this.#bytes < this.limitBytes) {
      const frame = this.#waiting.shift()!;
      this.#onItsWay.push({ sequence: frame.sequence, bytes: frame.bytes.length });
      this.#bytes += frame.bytes.length;
      taken.push(frame);
    }
    return taken;
  }

  /** The backup has received all up to the frame `sequence`, as is known at `nowMs`. */
  received(sequence: number, nowMs: number): void {
    const ageMs = nowMs - this.#span.beganMs;
    if (ageMs >= this.spanMs) {
      this.#lastBytes = ageMs < 2 * this.spanMs ? this.#span.bytes : 0;
      this.#span = { beganMs: nowMs, bytes: 0 };
    }
    while (this.#onItsWay.first !== undefined && this.#onItsWay.first.sequence <= sequence) {
      const { bytes } = this.#onItsWay.shift()!;
      this.#bytes -= bytes;
      this.#span.bytes += bytes;
    }
  }
}
