/**
 * Alters one event of a recorded log: what a log would be like whose recorder, or whose memory, lied.
 *
 * The frames are encoded anew, each alone, so that the codec finds nothing wrong with them.
 */
import { FrameDecoder, FrameEncoder, type LogEvent, type LogHeader } from "../../codec/codec.ts";
import type { Random } from "./random.ts";

/** What is in a frame of a log. */
export interface ReadFrame {
  readonly header: LogHeader;
  readonly events: LogEvent[];
}

/** The next frame of a log. @param decoder has opened those before it */
export function readFrame(decoder: FrameDecoder, frame: Uint8Array): ReadFrame {
  const header = decoder.open(frame);
  const events: LogEvent[] = [];
  for (let event = decoder.next(); event !== undefined; event = decoder.next()) events.push(event);
  return { header, events };
}

/** A frame that stands for itself. */
export function sealFrame({ header, events }: ReadFrame): Uint8Array<ArrayBuffer> {
  using encoder = new FrameEncoder();
  for (const event of events) encoder.event(event);
  return encoder.close(header);
}

/** A copy of `log` with one time or data event of it dropped, delayed, or changed, and what was done. */
export function alterEvent(
  log: readonly Uint8Array[],
  random: Random,
): { log: Uint8Array[]; what: string } {
  using decoder = new FrameDecoder();
  const frames = log.map((bytes) => readFrame(decoder, bytes));
  for (;;) {
    const what = alterFrame(random.pick(frames), random);
    if (what !== undefined) return { log: frames.map(sealFrame), what };
  }
}

/** Alters one event of a frame; undefined if there is none that can be altered in the way that was drawn. */
export function alterFrame({ header, events }: ReadFrame, random: Random): string | undefined {
  const inputs = events.filter(({ kind }) => kind === "time" || kind === "data");
  return inputs.length === 0 ? undefined : alter(events, random.pick(inputs), header, random);
}

/** Alters `event` in place; undefined if it can't be done so that the order of events stays. */
function alter(
  events: LogEvent[],
  event: LogEvent,
  { through }: LogHeader,
  random: Random,
): string | undefined {
  const index = events.indexOf(event);
  const place = `${event.kind} at ${event.point}`;
  switch (random.below(3)) {
    case 0:
      events.splice(index, 1);
      return `${place} dropped`;
    case 1:
      if (event.point >= (events[index + 1]?.point ?? through)) return undefined;
      event.point++;
      return `${place} delayed`;
    default:
      if (event.kind === "data") {
        event.bytes[random.below(event.bytes.length)]! ^= 1 << random.below(8);
      } else if (event.kind === "time") {
        const next = events.slice(index + 1).find(({ kind }) => kind === "time");
        const later = event.clockUs + 1 + random.below(1000);
        if (next?.kind === "time" && later > next.clockUs) return undefined;
        event.clockUs = later;
      }
      return `${place} changed`;
  }
}
