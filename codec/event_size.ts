/**
 * What each event of a log frame costs in the encoded stream, computed from the events as they were decoded: the
 * format (codec/src/lib.rs) has one encoding only, so that their sizes follow from their values.
 *
 * Pure. Used by log/stat.ts and log/dump.ts.
 */
import type { FrameHeader, LogEvent } from "./codec.ts";

/** A tag holds so many points; from this on a varint follows. */
const TAG_POINTS = 63;

/** Bytes of one event. */
export interface EventSize {
  /** What entered: a time event's clock, the bytes that the others carry. */
  readonly payloadBytes: number;
  /** All else: tag, point, selector, length. */
  readonly overheadBytes: number;
}

/** How long the varint of a safe integer is. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Sizes the events of one frame, which are to be given to it in their order. */
export class EventSizer {
  #lastPoint: number | undefined;
  #lastClockUs = 0;

  /** @param header of the frame */
  constructor(private readonly header: Pick<FrameHeader, "through">) {}

  /** How long the span before the events is; 0 in a frame without any. Known once the first event has been sized. */
  spanBytes = 0;

  /** What the next event costs. */
  size(event: LogEvent): EventSize {
    const overheadBytes = this.#pointBytes(event.point);
    if (event.kind === "time") {
      const payloadBytes = varintBytes(event.clockUs - this.#lastClockUs);
      this.#lastClockUs = event.clockUs;
      return { payloadBytes, overheadBytes };
    }
    const payloadBytes = event.bytes.length;
    return { payloadBytes, overheadBytes: overheadBytes + 1 + varintBytes(payloadBytes) };
  }

  /** The tag, and what it has no room for. */
  #pointBytes(point: number): number {
    if (this.#lastPoint === undefined) {
      this.spanBytes = varintBytes(this.header.through - point);
      this.#lastPoint = point;
    }
    const points = point - this.#lastPoint;
    this.#lastPoint = point;
    return points < TAG_POINTS ? 1 : 1 + varintBytes(points - TAG_POINTS);
  }
}
