/**
 * The log of one session as the recorder keeps it: begins with the machine's state, or what is left of it after a
 * transfer in rounds, then has events or states, digests, and in the end the guest's end.
 *
 * In replay mode events are logged, and a state only at a forced point. In checkpoint mode no event is: whatever
 * entered is in the next state, and the backup stands where the last one left it.
 *
 * Used by the recorder in the vCPU's thread, one for each session.
 */
import {
  checkpointsPerDigest,
  forcedPointsPerDigest,
  framePayloadTargetBytes,
} from "../base/limits.ts";
import type { Board } from "../devices/board.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import { ControlCode } from "../machine/control.ts";
import type { Digester } from "../machine/digest.ts";
import type { GuestEnd, Machine } from "../machine/machine.ts";
import { encodeMessageRecord, writeFrame } from "../machine/records.ts";
import type { StateOutput } from "../codec/state_output.ts";
import type { Verify } from "../protocol/verify.ts";
import type { FirstState } from "./first_state.ts";
import { type LogMark, LogWriter, markOf } from "./log_writer.ts";
import type { LogRules, StartLog } from "./recorder_messages.ts";
import { StateLogger } from "./state_logger.ts";
import { Verifier } from "./verifier.ts";

/** The digests of a log. */
export interface Digests {
  /** Of the machine; the caller's. */
  readonly digester: Digester;
  /** How often there is one. */
  readonly verify: Verify;
}

/** See the top of the file. */
export class SessionLog implements Disposable {
  #rules: LogRules;
  readonly #writer: LogWriter;
  readonly #verifier: Verifier;
  readonly #states: StateLogger;
  /** Where the last state was logged. */
  #base: LogMark;
  #baseClockUs: number;
  #baseFrames: number;
  #statesSinceDigest = 0;

  /**
   * Logs the first state, in frames of as many sections as make sense; {@link begin} closes the last one. No
   * instruction may be pending.
   * @param first taken where the machine is now
   * @param ranUs how long the guest has run, in microseconds
   */
  constructor(
    machine: Machine,
    start: StartLog,
    first: FirstState,
    private readonly channel: Channel,
    ranUs: number,
    { digester, verify }: Digests,
  ) {
    const log = new LogWriter(start.session, start.generation, (frame) => {
      channel.gauges[Gauge.logBytes]! += frame.bytes.length;
      writeFrame(channel.notices, frame);
    }, first.sequence);
    for (const { section, bytes } of first.sections) {
      const payloadBytes = log.openBytes + bytes.length;
      if (log.openEvents > 0 && payloadBytes > framePayloadTargetBytes) {
        log.close(markOf(machine), ranUs);
      }
      log.state(machine.point, section, bytes);
    }
    this.#verifier = new Verifier(machine, digester, verify);
    this.#rules = start;
    this.#writer = log;
    this.#states = new StateLogger(machine, log, first.dirty);
    this.#base = markOf(machine);
    this.#baseClockUs = machine.clockUs;
    this.#baseFrames = framesInto(machine.board);
    channel.gauges[Gauge.states] = 0;
  }

  /** Closes the frame that completes the first state. */
  begin(machine: Machine, ranUs: number): void {
    this.#writer.close(markOf(machine), ranUs, true);
  }

  /** The frame that was closed last. */
  get sequence(): number {
    return this.#writer.sequence;
  }

  /** Whether states are logged instead of events. */
  get isCheckpointing(): boolean {
    return this.#rules.checkpointing;
  }

  /** How long an output waits for others, in microseconds; undefined: as it is without a log. */
  get epochUs(): number | undefined {
    return this.isCheckpointing ? 1000 * this.#rules.epochLengthMs : undefined;
  }

  /** A frame is closed at this age, though no output waits for it; in microseconds. */
  get frameAgeUs(): number {
    return 1000 * this.#rules.frameAgeMs;
  }

  /** The size of the open frame's payload. */
  get openBytes(): number {
    return this.#writer.openBytes;
  }

  /** Whether something has entered that no closed frame has. */
  lacks({ point, clockUs, board }: Machine): boolean {
    if (!this.isCheckpointing) return this.#writer.openEvents > 0;
    const { through, inputOffset } = this.#base;
    return point !== through || clockUs !== this.#baseClockUs ||
      board.console.rxTotal !== inputOffset || framesInto(board) !== this.#baseFrames;
  }

  /** The clock moved to `clockUs`. */
  time(point: number, clockUs: number): void {
    if (!this.isCheckpointing) this.#writer.time(point, clockUs);
  }

  /** Bytes arrived at a device. */
  data(point: number, device: number, bytes: Uint8Array): void {
    if (!this.isCheckpointing) this.#writer.data(point, device, bytes);
  }

  /**
   * Whether a digest is to be logged here; checkpointing, states see to that.
   * @param isOutputDue the frame is about to be closed because output waits for it
   */
  isDigestDue(machine: Machine, isOutputDue: boolean): boolean {
    return !this.isCheckpointing && this.#verifier.isDue(machine, isOutputDue);
  }

  /** Whether the machine has been digested where it is. */
  isDigested({ point }: Machine): boolean {
    return point === this.#verifier.lastPoint;
  }

  /** Does some of the first digest's work before it is due. To be called often. */
  lookAhead(): void {
    this.#verifier.lookAhead();
  }

  /** Digests the machine. No instruction may be pending. */
  digest(machine: Machine): void {
    this.#statesSinceDigest = 0;
    const digest = this.#verifier.take(machine, this.channel.gauges);
    this.#writer.control(machine.point, ControlCode.digest, digest);
  }

  /**
   * Logs the machine's state instead of the way there. No instruction may be pending.
   * @param from replay mode: the last point before it that the backup can come to
   * @param outputs what the guest put out on the way that the backup does not run
   */
  state(machine: Machine, from: LogMark, outputs: readonly StateOutput[], ranUs: number): void {
    const base = this.isCheckpointing ? this.#base : from;
    this.#states.write(machine, base, outputs, ranUs);
    const most = this.isCheckpointing ? checkpointsPerDigest : forcedPointsPerDigest;
    const isDue = this.#verifier.isOn && ++this.#statesSinceDigest >= most ||
      this.#verifier.isDue(machine, outputs.length > 0);
    if (isDue) this.digest(machine);
    this.#base = markOf(machine);
    this.#baseClockUs = machine.clockUs;
    this.#baseFrames = framesInto(machine.board);
    this.channel.gauges[Gauge.states]!++;
    this.close(machine, ranUs);
  }

  /** Goes by other rules from here on. By the old ones the log leads to where the machine is. */
  keep(machine: Machine, rules: LogRules): void {
    this.#rules = rules;
    this.#base = markOf(machine);
    this.#baseClockUs = machine.clockUs;
    this.#baseFrames = framesInto(machine.board);
  }

  /** The guest has ended; checkpointing, its last state has been logged. */
  end(machine: Machine, end: GuestEnd, ranUs: number): void {
    this.#writer.control(machine.point, ControlCode.end, encodeMessageRecord(end));
    this.close(machine, ranUs);
  }

  /** Closes the open frame where the machine is. */
  close(machine: Machine, ranUs: number): void {
    this.#writer.close(markOf(machine), ranUs);
    this.channel.gauges[Gauge.events] = this.#writer.events;
  }

  /** Nobody follows any more. */
  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
    this.#states[Symbol.dispose]();
  }
}

/** How many network frames have arrived. */
function framesInto({ net }: Board): number {
  return net === undefined ? 0 : net.rxTotal;
}
