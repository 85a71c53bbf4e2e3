/**
 * A log in memory, as plain objects that know of no encoding: what all encodings that are compared are given.
 */

/** An event, whatever its kind; what a kind does not have is 0 or empty. */
export interface BenchEvent {
  readonly kind: "time" | "data" | "state" | "control";
  readonly point: number;
  /** Device, section or code. */
  readonly selector: number;
  readonly clockUs: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What our stream has of an event. */
export interface EventBytes {
  /** Tag, point, selector, length. */
  readonly overheadBytes: number;
  /** The clock, or the bytes that the event carries. */
  readonly payloadBytes: number;
}

/** A frame. */
export interface BenchFrame {
  readonly generation: number;
  readonly sequence: number;
  readonly through: number;
  /** 32 bits. */
  readonly exitsChecksum: number;
  /** 32 bits. */
  readonly outputsChecksum: number;
  readonly events: readonly BenchEvent[];
}

/** A frame as a file has it. */
export interface RecordedFrame extends BenchFrame {
  /** The frame in our stream. */
  readonly streamBytes: number;
  /** Each event's, in their order. */
  readonly eventBytes: readonly EventBytes[];
}

/** A log file. */
export interface BenchLog {
  readonly name: string;
  readonly memoryBytes: number;
  /** The frames of the machine's whole state, with which the session begins: pages, paid for once. */
  readonly firstState: readonly RecordedFrame[];
  /** The execution point at which that is whole. */
  readonly firstPoint: number;
  /** All others. */
  readonly frames: readonly RecordedFrame[];
}

/** The most that events of one of our frames take, with 24 bytes each for what is not their own. */
const GATHERED_BYTES = (1 << 20) - 24;

/**
 * The same events in as few frames as hold them: what is left of a log's rate is that of its events, where the frames
 * of a guest that often waits have a few each.
 */
export function gathered({ frames, ...log }: BenchLog): BenchLog {
  const all: { -readonly [K in keyof RecordedFrame]: RecordedFrame[K] }[] = [];
  let room = 0;
  for (const frame of frames) {
    const needed = frame.events.reduce((sum, { bytes }) => sum + 24 + bytes.length, 0);
    const last = all.at(-1);
    room -= needed;
    if (last === undefined || room < 0) {
      room = GATHERED_BYTES - needed;
      all.push({ ...frame, events: [...frame.events] });
    } else {
      const { through, exitsChecksum, outputsChecksum } = frame;
      const events = last.events as BenchEvent[];
      for (const event of frame.events) events.push(event);
      Object.assign(last, { through, exitsChecksum, outputsChecksum });
    }
  }
  return { ...log, name: `${log.name}, gathered`, frames: all };
}

/** The numbers of the kinds in all layouts that are compared. */
export const KIND = { time: 0, data: 1, state: 2, control: 3 } as const;
