/**
 * Alters one event of a recorded log: what a log would be like whose recorder, or whose memory, lied.
 *
 * The frames are sealed anew, so that the codec finds nothing wrong with them.
 */
import { FrameDecoder, FrameEncoder, type FrameHeader, type LogEvent } from "../../codec/codec.ts";
import type { Random } from "./random.ts";

/** A copy of `log` with one time or data event of it dropped, delayed, or changed, and what was done. */
export function alterEvent(
  log: readonly Uint8Array[],
  random: Random,
): { log: Uint8Array[]; what: string } {
  using decoder = new FrameDecoder();
  for (;;) {
    const at = random.below(log.length);
    const header = decoder.open(log[at]!);
    const events: LogEvent[] = [];
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
      events.push(event);
    }
    const inputs = events.filter(({ kind }) => kind === "time" || kind === "data");
    if (inputs.length === 0) continue;
    const what = alter(events, random.pick(inputs), header, random);
    if (what !== undefined) return { log: log.with(at, seal(header, events)), what };
  }
}

/** Alters `event` in place; undefined if it can't be done so that the order of events stays. */
function alter(
  events: LogEvent[],
  event: LogEvent,
  { through }: FrameHeader,
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

function seal(header: FrameHeader, events: readonly LogEvent[]): Uint8Array {
  using encoder = new FrameEncoder();
  for (const event of events) {
    const { kind, point } = event;
    if (kind === "time") encoder.time(point, event.clockUs);
    else if (kind === "data") encoder.data(point, event.device, event.bytes);
    else if (kind === "state") encoder.state(point, event.section, event.bytes);
    else encoder.control(point, event.code, event.bytes);
  }
  return encoder.close(header);
}
