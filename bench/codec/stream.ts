/**
 * Our own stream, for the benchmark of the codec: reads a log file into plain objects, encodes and decodes them.
 *
 * The only place in this folder that knows the codec's API.
 */
import { chainFrames } from "../../base/limits.ts";
import { crc32c, FrameDecoder, FrameEncoder, type LogEvent } from "../../codec/codec.ts";
import { encodeLogFileHeader } from "../../codec/log_file.ts";
import { LogOrder } from "../../log/order.ts";
import { LogFile } from "../../log/reader.ts";
import type { BenchEvent, BenchFrame, BenchLog, EventBytes, RecordedFrame } from "./events.ts";

export { crc32c };

/** The levels of the encoding; log files are recorded at the first one. */
export const LEVELS = ["fast", "dense"] as const;

/** One of them. */
export type Level = typeof LEVELS[number];

/** Reads a log file. @throws LogFault where it is not what the format says, UnavailableError */
export async function loadLog(path: string, name: string): Promise<BenchLog> {
  using file = await LogFile.open(path);
  using decoder = new FrameDecoder();
  const order = new LogOrder();
  const firstState: RecordedFrame[] = [];
  const frames: RecordedFrame[] = [];
  for await (const frame of file.frames()) {
    const target = order.isWhole ? frames : firstState;
    const header = decoder.open(frame.bytes);
    order.begin(header);
    const events: BenchEvent[] = [];
    const eventBytes: EventBytes[] = [];
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
      order.meet(event);
      events.push(plain(event));
      eventBytes.push(decoder.eventBytes);
    }
    const { eventCount: _, ...closing } = header;
    target.push({ ...closing, events, streamBytes: frame.bytes.length, eventBytes });
  }
  const firstPoint = firstState.at(-1)?.through ?? 0;
  return { name, memoryBytes: file.memoryBytes, firstState, firstPoint, frames };
}

const NO_BYTES = new Uint8Array();

function plain(event: LogEvent): BenchEvent {
  const { kind, point } = event;
  switch (event.kind) {
    case "time":
      return { kind, point, selector: 0, clockUs: event.clockUs, bytes: NO_BYTES };
    case "data":
      return { kind, point, selector: event.device, clockUs: 0, bytes: event.bytes };
    case "state":
      return { kind, point, selector: event.section, clockUs: 0, bytes: event.bytes };
    case "control":
      return { kind, point, selector: event.code, clockUs: 0, bytes: event.bytes };
  }
}

/** Encodes frames, one after the other. */
export class StreamEncoder implements Disposable {
  readonly #encoder: FrameEncoder;

  /** @param level of the encoding */
  constructor(level: Level) {
    this.#encoder = new FrameEncoder({ chain: chainFrames[level], level });
  }

  /** A frame as it is sent. */
  encode(frame: BenchFrame): Uint8Array<ArrayBuffer> {
    const encoder = this.#encoder;
    for (const { kind, point, selector, clockUs, bytes } of frame.events) {
      if (kind === "time") encoder.time(point, clockUs);
      else encoder[kind](point, selector, bytes);
    }
    return encoder.close(frame);
  }

  /** Frees what is behind it. */
  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}

/** Decodes the frames that one encoder made, in their order. */
export class StreamDecoder implements Disposable {
  readonly #decoder = new FrameDecoder();

  /** Checks a frame, and takes every event of it. Returns how many there were. */
  decode(frame: Uint8Array): number {
    this.#decoder.open(frame);
    let events = 0;
    while (this.#decoder.move()) {
      const { kind, point } = this.#decoder;
      // So that each is looked at as a replayer looks at it.
      const value = kind === "time" ? this.#decoder.clockUs : this.#decoder.byteLength;
      if (point + value >= 0) events++;
    }
    return events;
  }

  /** Frees what is behind it. */
  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }
}

/** All frames, at a level. */
export function encodeFrames(
  frames: readonly BenchFrame[],
  level: Level,
): Uint8Array<ArrayBuffer>[] {
  using encoder = new StreamEncoder(level);
  return frames.map((frame) => encoder.encode(frame));
}

/** A log file of these frames, for a program that reads one. */
export function logFile(memoryBytes: number, frames: readonly Uint8Array<ArrayBuffer>[]): Blob {
  return new Blob([encodeLogFileHeader(memoryBytes), ...frames]);
}
