/**
 * Logs for fast-check: patterns that come again with jitter, as a guest makes them, between events of every kind and
 * size. Called by the codec's property tests.
 */
import fc from "fast-check";
import type { LogClosing, LogEvent } from "./codec.ts";
import { CONNECTION_COUNT, TcpFrames } from "./network_arbitrary_test_support.ts";
import { type Draw, drawsOf } from "./reference_bytes_test_support.ts";
import type { FrameContent } from "./reference_encoder_test_support.ts";
import { HEADERS_BYTES } from "./reference_tcp_test_support.ts";

/** What a frame holds at most, so that properties take their time for many frames; the largest are for other tests. */
const MOST_BYTES = 20_000;
const MOST_EVENTS = 300;

/** An event of a pattern. */
interface Draft {
  readonly kind: LogEvent["kind"];
  readonly points: number;
  readonly stepUs: number;
  readonly selector: number;
  readonly length: number;
  /** Of this one data is a TCP frame, with so many bytes behind its headers. */
  readonly connection?: number;
}

/** A pattern, and how often it comes. */
interface Pattern {
  readonly drafts: readonly Draft[];
  readonly times: number;
  /** By how much a step may be longer. */
  readonly jitterUs: number;
  readonly seed: number;
}

/** What to make of a frame. */
interface FrameDraft {
  readonly patterns: readonly Pattern[];
  readonly ahead: number;
  /** What it says anew; the rest is as in the frame before. */
  readonly says: Partial<LogClosing>;
}

const u8 = fc.integer({ min: 0, max: 255 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
/** Distances of every size that a varint can have, those around a token's limit more often. */
const distance = fc.oneof(
  { weight: 4, arbitrary: fc.nat(3) },
  fc.integer({ min: 12, max: 18 }),
  fc.integer({ min: 125, max: 130 }),
  fc.nat(20_000),
  fc.nat(600_000),
  fc.nat(2 ** 31 - 1).map((value) => value * 2 ** 13),
);
const length = fc.oneof(
  { weight: 4, arbitrary: fc.nat(40) },
  { weight: 3, arbitrary: fc.integer({ min: 30, max: 34 }) },
  { weight: 2, arbitrary: fc.nat(600) },
  { weight: 1, arbitrary: fc.constantFrom(4095, 4096, 4097, 9000) },
);
const plainDraft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom("time", "time", "time", "data", "state", "control"),
  points: distance,
  stepUs: distance,
  selector: fc.oneof(fc.nat(3), fc.constantFrom(8, 9), u8),
  length,
});
const tcpDraft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constant("data"),
  points: distance,
  stepUs: fc.constant(0),
  selector: fc.nat(2),
  length: fc.oneof(
    { weight: 3, arbitrary: fc.nat(40) },
    { weight: 2, arbitrary: fc.nat(1460) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1460, 4096, 4097, 5001) },
  ),
  connection: fc.nat(CONNECTION_COUNT - 1),
});
const draft = fc.oneof(
  { weight: 9, arbitrary: plainDraft },
  { weight: 2, arbitrary: tcpDraft },
);
const pattern: fc.Arbitrary<Pattern> = fc.record({
  drafts: fc.array(draft, { minLength: 1, maxLength: 4 }),
  times: fc.oneof(fc.constant(1), fc.nat(6), fc.nat(80)),
  jitterUs: fc.constantFrom(0, 0, 0, 2, 100, 5000, 300_000),
  seed: u32,
});
const frame: fc.Arbitrary<FrameDraft> = fc.record({
  patterns: fc.array(pattern, { maxLength: 5 }),
  ahead: distance,
  says: fc.record({
    generation: u32,
    sequence: fc.nat(2 ** 32).map((value) => value * 2 ** 20),
    exitsChecksum: u32,
    outputsChecksum: u32,
  }, { requiredKeys: [] }),
});

/** The contents of frames that may be a chain: points and clocks go on from each to the next. */
export const chainContents: fc.Arbitrary<FrameContent[]> = fc.array(frame, {
  minLength: 1,
  maxLength: 6,
}).map(contentsOf);

function contentsOf(frames: readonly FrameDraft[]): FrameContent[] {
  const writer = new EventWriter();
  let closing: LogClosing = {
    generation: 0,
    sequence: 0,
    through: 0,
    exitsChecksum: 0,
    outputsChecksum: 0,
  };
  return frames.map(({ patterns, ahead, says }) => {
    const events = writer.write(patterns);
    const through = writer.goOn(ahead);
    closing = { ...closing, sequence: sum(closing.sequence, 1), ...says, through };
    return { closing, events };
  });
}

/** Makes events of patterns. */
class EventWriter {
  #point = 0;
  #clockUs = 0;
  #last = new Uint8Array(64);
  readonly #tcpFrames = new TcpFrames();

  /** The events of a frame, as many as it has room for. */
  write(patterns: readonly Pattern[]): LogEvent[] {
    const events: LogEvent[] = [];
    let bytes = 0;
    for (const { drafts, times, jitterUs, seed } of patterns) {
      const draw = drawsOf(seed);
      for (let index = 0; index < drafts.length * times; index++) {
        const draft = drafts[index % drafts.length]!;
        if (draft.kind !== "time") bytes += HEADERS_BYTES + draft.length;
        if (bytes > MOST_BYTES || events.length === MOST_EVENTS) return events;
        events.push(this.#event(draft, jitterUs, draw));
      }
    }
    return events;
  }

  /** So many points further. */
  goOn(points: number): number {
    return this.#point = sum(this.#point, points);
  }

  #event(
    { kind, points, stepUs, selector, length, connection }: Draft,
    jitterUs: number,
    draw: Draw,
  ): LogEvent {
    const point = this.goOn(points);
    if (kind === "time") {
      this.#clockUs = sum(this.#clockUs, stepUs + draw(jitterUs + 1));
      return { kind, point, clockUs: this.#clockUs };
    }
    const bytes = this.#bytes(length, draw);
    if (kind === "data") {
      const data = connection === undefined ? bytes : this.#tcpFrames.next(connection, bytes, draw);
      return { kind, point, device: selector, bytes: data };
    }
    if (kind === "state") return { kind, point, section: selector, bytes };
    return { kind, point, code: selector, bytes };
  }

  /** Random bytes, a few values only, or the last bytes once more with changes. */
  #bytes(length: number, draw: Draw): Uint8Array<ArrayBuffer> {
    const limit = [256, 3, 0, 0][draw(4)]!;
    const last = this.#last;
    const bytes = new Uint8Array(length).map((_, index) =>
      limit === 0 && draw(20) > 0 ? last[index % last.length]! : draw(limit || 256)
    );
    if (length > 0) this.#last = bytes;
    return bytes;
  }
}

/** What stays a safe integer. */
function sum(value: number, more: number): number {
  return value + more <= Number.MAX_SAFE_INTEGER ? value + more : value;
}
