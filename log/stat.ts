/**
 * `understudy log stat`: what a log is made of, to the byte: each event's cost in the encoded stream by kind, the
 * frames around them, and what it all comes to for an execution point and for a second of the machine's clock.
 *
 * The sums are exact: the rows, the frames' headers and heads, the file's head and what is cut off at its end are the
 * file. Of frames that are packed `dense` nobody can say what one event takes; theirs are counted as they are
 * without that, and what packing saved is subtracted in the end. What the session begins with, the machine's whole
 * state, is apart in the rates: it is paid once.
 * stat_report.ts shows it. Called by command.ts.
 */
import { largestEventCount } from "../base/limits.ts";
import { type EventBytes, HEADER_BYTES, type LogEvent } from "../codec/codec.ts";
import { LOG_FILE_HEADER_BYTES } from "../codec/log_file.ts";
import { selectorName } from "./names.ts";
import { LogOrder } from "./order.ts";
import { LogFile, type ReadProgress } from "./reader.ts";
import { type Distribution, Sizes } from "./sizes.ts";
import { type OpenedFrame, type Visitor, walk } from "./walk.ts";

/** The events of one kind. */
export interface KindStat {
  readonly kind: LogEvent["kind"];
  /** Which device, section or code; empty for time events. */
  readonly name: string;
  readonly events: number;
  /** Kinds, points, selectors, lengths; clocks. Of events that came as predicted, nearly nothing. */
  readonly overheadBytes: number;
  /** The bytes that entered, as they are packed. */
  readonly payloadBytes: number;
  /** Of an event, overhead and payload. */
  readonly eventBytes: Distribution;
  /** Of an event's overhead. */
  readonly eventOverheadBytes: Distribution;
}

/** Events whose sizes are between two powers of two. */
export interface SizeClass {
  /** The smallest size, in bytes; the largest one is below its double. 0: of these only. */
  readonly fromBytes: number;
  readonly events: number;
  readonly bytes: number;
}

/** A large event. */
export interface LargeEvent {
  readonly kind: LogEvent["kind"];
  readonly name: string;
  readonly point: number;
  /** The number in the file of the frame that it is in, and that frame's offset. */
  readonly frame: number;
  readonly offset: number;
  /** Overhead and payload. */
  readonly bytes: number;
}

/** A part of a log. */
export interface Extent {
  readonly frames: number;
  readonly bytes: number;
}

/** What a log is made of. */
export interface LogStat {
  readonly memoryBytes: number;
  readonly fileBytes: number;
  /** The file's head. */
  readonly headBytes: number;
  /** At the end, no whole frame. */
  readonly cutBytes: number;
  readonly frames: number;
  /** The frames' headers. */
  readonly frameHeaderBytes: number;
  /** What the frames say besides their events: generation, sequence, `through`, checksums. Not of those packed `dense`. */
  readonly frameHeadBytes: number;
  /** So much less than their events take before that is in the payloads of frames that are packed `dense`. */
  readonly denseSavedBytes: number;
  readonly events: number;
  /** Rows that have no event are left out; the most bytes first. */
  readonly kinds: readonly KindStat[];
  readonly sizes: readonly SizeClass[];
  readonly largest: readonly LargeEvent[];
  /** Whether it does not begin where its session does. */
  readonly isPiece: boolean;
  /** The first event's execution point, and up to where the log is complete. */
  readonly points: { readonly from: number; readonly through: number };
  /** The first and the last time event, in microseconds; null without any. */
  readonly clockUs: { readonly from: number; readonly to: number } | null;
  readonly digests: number;
  readonly hasEnded: boolean;
  /** The frames with the state that the session begins with; null in a piece. */
  readonly firstState: Extent | null;
  /** All other frames. */
  readonly rest: Extent & {
    /** Null if there is no execution point in it. */
    readonly bytesPerPoint: number | null;
    /** Of the machine's clock; null if that is not moved. */
    readonly bytesPerSecond: number | null;
  };
}

/** Reads a whole log. @throws LogFault where it is not what the format says, UnavailableError */
export async function statLog(path: string, progress?: ReadProgress): Promise<LogStat> {
  const order = new LogOrder();
  const tally = new Tally();
  using file = await LogFile.open(path, progress);
  const { memoryBytes } = file;
  let firstState: Extent | undefined;
  for await (const { frame } of walk(file, order, tally)) {
    if (firstState === undefined && order.isWhole) {
      const bytes = file.offset - LOG_FILE_HEADER_BYTES;
      firstState = order.frames.isPiece ? { frames: 0, bytes: 0 } : { frames: frame, bytes };
    }
  }
  const { cutBytes, offset } = file;
  const { frames: { isPiece }, through, digests, hasEnded } = order;
  const all = { frames: tally.frames, bytes: offset - LOG_FILE_HEADER_BYTES };
  // A state that is not whole is all that there is.
  const before = firstState ?? all;
  const points = { from: tally.firstPoint ?? through, through };
  const rest = { frames: all.frames - before.frames, bytes: all.bytes - before.bytes };
  const passedUs = tally.clockUs === null ? 0 : tally.clockUs.to - tally.clockUs.from;
  return {
    memoryBytes,
    fileBytes: offset + cutBytes,
    headBytes: LOG_FILE_HEADER_BYTES,
    cutBytes,
    ...tally.report(),
    isPiece,
    points,
    digests,
    hasEnded,
    firstState: isPiece ? null : before,
    rest: {
      ...rest,
      bytesPerPoint: ratio(rest.bytes, points.through - points.from),
      bytesPerSecond: ratio(rest.bytes, passedUs / 1e6),
    },
  };
}

/** Adds the events up. */
class Tally implements Visitor {
  readonly #kinds = new Map<string, KindTally>();
  readonly #sizes: { events: number; bytes: number }[] = [];
  #largest: LargeEvent[] = [];
  #frame: OpenedFrame | undefined;
  /** Bytes of its payload that are none of the events so far. */
  #restBytes = 0;
  #headBytes = 0;
  #denseSavedBytes = 0;
  #events = 0;
  frames = 0;
  firstPoint: number | undefined;
  clockUs: { from: number; to: number } | null = null;

  begin(frame: OpenedFrame): void {
    this.#closeFrame();
    this.frames++;
    this.#frame = frame;
    this.#restBytes = frame.header.payloadBytes;
  }

  event(event: LogEvent, { overheadBytes, payloadBytes }: EventBytes): void {
    const bytes = overheadBytes + payloadBytes;
    this.#restBytes -= bytes;
    this.#events++;
    this.firstPoint ??= event.point;
    if (event.kind === "time") {
      this.clockUs = { from: this.clockUs?.from ?? event.clockUs, to: event.clockUs };
    }
    const name = selectorName(event);
    const key = `${event.kind} ${name}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) this.#kinds.set(key, kind = new KindTally(event.kind, name));
    kind.add(overheadBytes, bytes);
    const sizeClass = this.#sizes[bytes === 0 ? 0 : 1 + Math.floor(Math.log2(bytes))] ??= {
      events: 0,
      bytes: 0,
    };
    sizeClass.events++;
    sizeClass.bytes += bytes;
    this.#noteLarge(event, name, bytes);
  }

  report() {
    this.#closeFrame();
    return {
      frames: this.frames,
      frameHeaderBytes: this.frames * HEADER_BYTES,
      frameHeadBytes: this.#headBytes,
      denseSavedBytes: this.#denseSavedBytes,
      events: this.#events,
      kinds: [...this.#kinds.values()].map((kind) => kind.report()).sort((one, other) =>
        totalOf(other) - totalOf(one)
      ),
      sizes: this.#sizes.flatMap((size, index) => [
        { fromBytes: index === 0 ? 0 : 2 ** (index - 1), ...size },
      ]),
      largest: this.#largest,
      clockUs: this.clockUs,
    };
  }

  #closeFrame(): void {
    // A frame without events has nothing but its head to pack.
    const isPacked = this.#frame?.header.level === "dense" && this.#frame.log.eventCount > 0;
    if (isPacked) this.#denseSavedBytes -= this.#restBytes;
    else this.#headBytes += this.#restBytes;
    this.#restBytes = 0;
  }

  #noteLarge({ kind, point }: LogEvent, name: string, bytes: number): void {
    const least = this.#largest[largestEventCount - 1];
    if (least !== undefined && bytes <= least.bytes) return;
    const { frame, offset } = this.#frame!;
    const at = this.#largest.findIndex((large) => large.bytes < bytes);
    const event = { kind, name, point, frame, offset, bytes };
    this.#largest.splice(at < 0 ? this.#largest.length : at, 0, event);
    this.#largest = this.#largest.slice(0, largestEventCount);
  }
}

/** Adds the events of one kind up. */
class KindTally {
  readonly #all = new Sizes();
  readonly #overhead = new Sizes();

  constructor(private readonly kind: LogEvent["kind"], private readonly name: string) {}

  add(overheadBytes: number, bytes: number): void {
    this.#overhead.add(overheadBytes);
    this.#all.add(bytes);
  }

  report(): KindStat {
    return {
      kind: this.kind,
      name: this.name,
      events: this.#all.count,
      overheadBytes: this.#overhead.sum,
      payloadBytes: this.#all.sum - this.#overhead.sum,
      eventBytes: this.#all.distribution(),
      eventOverheadBytes: this.#overhead.distribution(),
    };
  }
}

function totalOf({ overheadBytes, payloadBytes }: KindStat): number {
  return overheadBytes + payloadBytes;
}

function ratio(amount: number, of: number): number | null {
  return of > 0 ? amount / of : null;
}
