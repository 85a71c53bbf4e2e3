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
  /** All others. */
  readonly frames: readonly RecordedFrame[];
}

/** The numbers of the kinds in all layouts that are compared. */
export const KIND = { time: 0, data: 1, state: 2, control: 3 } as const;
