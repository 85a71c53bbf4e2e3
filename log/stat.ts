/**
 * `understudy log stat`: what a log is made of, to the byte: each event's cost in the encoded stream by kind, the
 * frames around them, and what it all comes to for an execution point and for a second of the machine's clock.
 *
 * The sums are exact: the rows, the frames' headers and spans, the file's head and what is cut off at its end are the
 * file. What the session begins with, the machine's whole state, is apart in the rates: it is paid once.
 * stat_report.ts shows it. Called by command.ts.
 */
import { largestEventCount } from "../base/limits.ts";
import { HEADER_BYTES, type LogEvent } from "../codec/codec.ts";
import { EventSizer } from "../codec/event_size.ts";
import { LOG_FILE_HEADER_BYTES } from "../codec/log_file.ts";
import { selectorName } from "./names.ts";
import { LogOrder } from "./order.ts";
import { LogFile, type LogFrame, type ReadProgress } from "./reader.ts";
import { type Distribution, Sizes } from "./sizes.ts";
import { type Visitor, walk } from "./walk.ts";

/** The events of one kind. */
export interface KindStat {
  readonly kind: LogEvent["kind"];
  /** Which device, section or code; empty for time events. */
  readonly name: string;
  readonly events: number;
  /** Tags, points, selectors, lengths. */
  readonly overheadBytes: number;
  /** What entered: clocks, bytes. */
  readonly payloadBytes: number;
  /** Of an event, overhead and payload. */
  readonly eventBytes: Distribution;
  /** Of an event's overhead. */
  readonly eventOverheadBytes: Distribution;
}

/** Events whose sizes are between two powers of two. */
export interface SizeClass {
  /** The smallest size, in bytes; the largest one is below its double. */
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
  /** What precedes the events of each frame. */
  readonly spanBytes: number;
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
  #frame: LogFrame | undefined;
  #sizer: EventSizer | undefined;
  #spanBytes = 0;
  #events = 0;
  frames = 0;
  firstPoint: number | undefined;
  clockUs: { from: number; to: number } | null = null;

  begin(frame: LogFrame): void {
    this.#closeFrame();
    this.frames++;
    this.#frame = frame;
    this.#sizer = new EventSizer(frame.header);
  }

  event(event: LogEvent): void {
    const size = this.#sizer!.size(event);
    const bytes = size.overheadBytes + size.payloadBytes;
    this.#events++;
    this.firstPoint ??= event.point;
    if (event.kind === "time") {
      this.clockUs = { from: this.clockUs?.from ?? event.clockUs, to: event.clockUs };
    }
    const name = selectorName(event);
    const key = `${event.kind} ${name}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) this.#kinds.set(key, kind = new KindTally(event.kind, name));
    kind.add(size.overheadBytes, bytes);
    const sizeClass = this.#sizes[Math.floor(Math.log2(bytes))] ??= { events: 0, bytes: 0 };
    sizeClass.events++;
    sizeClass.bytes += bytes;
    this.#noteLarge(event, name, bytes);
  }

  report() {
    this.#closeFrame();
    return {
      frames: this.frames,
      frameHeaderBytes: this.frames * HEADER_BYTES,
      spanBytes: this.#spanBytes,
      events: this.#events,
      kinds: [...this.#kinds.values()].map((kind) => kind.report()).sort((one, other) =>
        totalOf(other) - totalOf(one)
      ),
      sizes: this.#sizes.flatMap((size, power) => [{ fromBytes: 2 ** power, ...size }]),
      largest: this.#largest,
      clockUs: this.clockUs,
    };
  }

  #closeFrame(): void {
    this.#spanBytes += this.#sizer?.spanBytes ?? 0;
    this.#sizer = undefined;
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
