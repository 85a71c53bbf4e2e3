/**
 * Writes the log of one session: collects events in the open frame, closes it, numbers it.
 *
 * Called by the recorder in the vCPU's thread. What becomes of closed frames (a file, the logging
 * channel) is main's affair.
 */
import { chainFrames } from "../base/limits.ts";
import { FrameEncoder } from "../codec/codec.ts";
import type { Machine } from "../machine/machine.ts";
import type { FrameRecord } from "../machine/records.ts";

/** How far a log has come: what a frame says when it is closed there. */
export interface LogMark {
  readonly through: number;
  readonly exitsChecksum: number;
  readonly outputsChecksum: number;
  /** Console input that has entered: a stream offset. */
  readonly inputOffset: number;
}

/** Where a machine stands now. */
export function markOf(machine: Machine): LogMark {
  return {
    through: machine.point,
    exitsChecksum: machine.exits.low,
    outputsChecksum: machine.outputs.low,
    inputOffset: machine.board.console.rxTotal,
  };
}

/** The log from one state to the end of its session. */
export class LogWriter implements Disposable {
  readonly #encoder = new FrameEncoder({ chain: chainFrames.fast });
  #sequence: number;
  #events = 0;

  /**
   * @param session the number that frames are marked with on their way to main
   * @param generation the generation that records
   * @param emit takes closed frames; may block while main is behind
   * @param lastSequence the number of the frame that this log goes on from
   */
  constructor(
    readonly session: number,
    readonly generation: number,
    private readonly emit: (frame: FrameRecord) => void,
    lastSequence = 0,
  ) {
    this.#sequence = lastSequence;
  }

  /** The sequence number of the frame closed last; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How many events the open frame has. */
  get openEvents(): number {
    return this.#encoder.eventCount;
  }

  /** How large the open frame's payload will be at most. */
  get openBytes(): number {
    return this.#encoder.payloadBytes;
  }

  /** How many events have been logged in all. */
  get events(): number {
    return this.#events + this.#encoder.eventCount;
  }

  /** The clock moved to `clockUs`. */
  time(point: number, clockUs: number): void {
    this.#encoder.time(point, clockUs);
  }

  /** Bytes arrived at a device. */
  data(point: number, device: number, bytes: Uint8Array): void {
    this.#encoder.data(point, device, bytes);
  }

  /** A section of a state transfer. */
  state(point: number, section: number, bytes: Uint8Array): void {
    this.#encoder.state(point, section, bytes);
  }

  /** One of {@link ControlCode}. */
  control(point: number, code: number, bytes: Uint8Array): void {
    this.#encoder.control(point, code, bytes);
  }

  /**
   * Closes the open frame: the log is complete up to `mark`.
   * @param ranUs how long the guest has run, in microseconds
   * @param completesState the frame ends the state that the session begins with
   */
  close(mark: LogMark, ranUs: number, completesState = false): void {
    this.#events += this.#encoder.eventCount;
    const sequence = ++this.#sequence;
    const { through, exitsChecksum, outputsChecksum, inputOffset } = mark;
    const { session, generation } = this;
    const bytes = this.#encoder.close({
      generation,
      sequence,
      through,
      exitsChecksum,
      outputsChecksum,
    });
    this.emit({ session, sequence, through, inputOffset, ranUs, completesState, bytes });
  }

  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}
