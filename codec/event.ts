/** The events of the log, what a log frame says besides them, and their bounds. */

/** The longest payload: of a message, and of all the events of a log frame, with what they take. */
export const MAX_PAYLOAD_BYTES = 1 << 20;
/** The most bytes that a data or a control event carries. */
export const MAX_DATA_BYTES = 64 << 10;
/** The most bytes that a state event carries. */
export const MAX_STATE_BYTES = 256 << 10;

/** Something non-deterministic that entered the machine at an execution point. */
export type LogEvent =
  /** From here on the machine's clock shows `clockUs` microseconds. */
  | { kind: "time"; point: number; clockUs: number }
  /** Bytes arrive at a device; at most {@link MAX_DATA_BYTES}. */
  | { kind: "data"; point: number; device: number; bytes: Uint8Array<ArrayBuffer> }
  /** A section of a state transfer; at most {@link MAX_STATE_BYTES}. */
  | { kind: "state"; point: number; section: number; bytes: Uint8Array<ArrayBuffer> }
  /** The channel's own affairs; at most {@link MAX_DATA_BYTES}. */
  | { kind: "control"; point: number; code: number; bytes: Uint8Array<ArrayBuffer> };

/** What an event takes of a frame before `dense` packs that. */
export interface EventBytes {
  /** What says which event it is, at which point and how long; of a time event also its clock. */
  readonly overheadBytes: number;
  /** What says which bytes entered. */
  readonly payloadBytes: number;
}

/** What the sender of a log frame says about it. */
export interface LogClosing {
  /** The number of the reign that the sender acts in, u32. */
  generation: number;
  /** The frame's number on its channel. */
  sequence: number;
  /** The execution point up to which the log is complete. */
  through: number;
  /** Running checksum of the exit sequence, u32. */
  exitsChecksum: number;
  /** Running checksum of the outputs, u32. */
  outputsChecksum: number;
}

/** What a log frame says about itself. */
export interface LogHeader extends LogClosing {
  /** How many events it holds. */
  eventCount: number;
}

/** What the sender of a message says about it. */
export type MessageClosing = Pick<LogClosing, "generation" | "sequence" | "through">;
