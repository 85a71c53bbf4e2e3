/**
 * The recorder: answers "what entered here?" from the host, and writes the answer down.
 *
 * It runs in the vCPU's thread, inside of the vCPU loop. Time comes from the host's clock, console
 * input and commands from main through the channel; outputs and frames go to main the same way. While
 * nobody follows there is no log; a session begins with the machine's whole state.
 *
 * When a frame is closed is decided here: when an output needs it (at a newline, at HLT, at a size, or
 * after `flushDelayMaxUs`), when it is large, when it is old. Outputs that wait together share one frame.
 */
import { crc32c } from "../codec/codec.ts";
import {
  exitsPerDigest,
  exitsPerTimeEvent,
  flushDelayMaxUs,
  forcedPointsPerDigest,
  framePayloadTargetBytes,
  outputBatchBytes,
} from "../base/limits.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import { ControlCode, DataDevice } from "../machine/control.ts";
import { Digester } from "../machine/digest.ts";
import type { InputSource, Verdict } from "../machine/input_source.ts";
import type { Machine } from "../machine/machine.ts";
import {
  decodeMessageRecord,
  encodeMessageRecord,
  RecordKind,
  writeFrame,
} from "../machine/records.ts";
import { OutputBatch } from "../machine/output_batch.ts";
import { captureState } from "../machine/state.ts";
import { LogWriter, markOf } from "./log_writer.ts";
import type { MachineClock } from "./machine_clock.ts";
import { Pacer } from "./pacer.ts";
import type { RecorderCommand, RecorderNotice, StartLog } from "./recorder_messages.ts";
import { StateLogger } from "./state_logger.ts";

const NEWLINE = 10;

/** How a recorder works. */
export interface RecorderOptions {
  /** Exits between two digests in the log. */
  readonly exitsPerDigest?: number;
  /** Do not enter the guest before a `resume` command. */
  readonly startPaused?: boolean;
}

/** Records one machine. */
export class Recorder implements InputSource {
  /** While there is a log. */
  #digester: Digester | undefined;
  readonly #digestInterval: number;
  readonly #pacer: Pacer;
  #log: LogWriter | undefined;
  #nowUs: number;
  #lastTimePoint = 0;
  #lastDigestPoint = 0;
  #frameOpenedUs = 0;
  #frameAgeUs = 0;
  /** Output that main has not got yet: it waits for its frame. */
  readonly #outputs = new OutputBatch();
  /** How long the guest had run when the first of it was put out. */
  #outputSinceUs = 0;
  #newline = false;
  /** Input that is on its way into the machine: one record of the ring, and how much of it is used. */
  #input: Uint8Array = new Uint8Array(0);
  /** The guest has been entered since its last exit: where it is has no ordinal. */
  #adrift = false;
  #paused: boolean;
  #stopping = false;
  #endNoticed = false;
  #wantsCapture: StartLog | undefined;
  #wantsDigest = false;
  /** States in the middle of the session's log. */
  #states: StateLogger | undefined;
  /** A guest that does not exit by itself was stopped: something may enter where it is. */
  #wantsForcedPoint = false;
  #forcedSinceDigest = 0;
  /** The machine stands still; main is told once its state is logged. */
  #owesPaused = false;

  constructor(
    machine: Machine,
    private readonly channel: Channel,
    private readonly clock: MachineClock,
    options: RecorderOptions = {},
  ) {
    this.#digestInterval = options.exitsPerDigest ?? exitsPerDigest;
    this.#paused = options.startPaused ?? false;
    this.#nowUs = clock.nowUs();
    this.#pacer = new Pacer(this.#nowUs);
    this.#lastTimePoint = machine.point;
    this.#lastDigestPoint = machine.point;
  }

  /** After the guest's end: blocks until main says `quit`. */
  awaitQuit(machine: Machine): void {
    while (!this.#stopping) {
      this.#obey(machine);
      if (!this.#stopping) this.channel.wait();
    }
  }

  enter(machine: Machine, clockMatters: boolean): void {
    this.#adrift = false;
    this.#wantsForcedPoint = false;
    this.#nowUs = this.clock.nowUs();
    const { point, board } = machine;
    const deadlineUs = board.deadlineUs();
    const due = this.#nowUs >= deadlineUs;
    if (due || clockMatters || point - this.#lastTimePoint >= exitsPerTimeEvent) {
      this.#advance(machine, Math.min(this.#nowUs, deadlineUs));
    }
    this.#receive(machine);
  }

  idle(machine: Machine): void {
    this.#close(machine, this.#outputs.bytes > 0);
    for (;;) {
      this.channel.hear();
      this.#nowUs = this.clock.nowUs();
      this.#pacer.goesOn(this.#nowUs);
      const deadlineUs = machine.board.deadlineUs();
      if (this.#nowUs >= deadlineUs) return this.#advance(machine, deadlineUs);
      if (this.#hasInput() && machine.board.console.rxSpace() > 0) {
        this.#advance(machine, this.#nowUs);
        return this.#receive(machine);
      }
      if (this.channel.commands.usedBytes > 0) return;
      const ageUs = this.#log !== undefined && this.#log.openEvents > 0
        ? this.#frameOpenedUs + this.#frameAgeUs - this.#nowUs
        : Infinity;
      if (ageUs <= 0) this.#close(machine, true);
      else this.channel.wait(Math.min(deadlineUs - this.#nowUs, ageUs) / 1000);
    }
  }

  boundary(machine: Machine): Verdict {
    this.channel.gauges[Gauge.point] = machine.point;
    this.channel.gauges[Gauge.clockUs] = machine.clockUs;
    this.channel.gauges[Gauge.inputOffset] = machine.board.console.rxTotal;
    if (this.channel.commands.usedBytes > 0 || this.#paused) this.#obey(machine);
    if (this.#stopping) return "stop";
    if (this.#wantsCapture !== undefined || this.#wantsDigest || this.#wantsForcedPoint) {
      return "settle";
    }
    if (machine.end !== undefined) return this.#noticeEnd(machine);
    const pauseUs = this.#pacer.ran(this.#nowUs);
    if (this.#outputs.bytes > 0 || this.#log !== undefined) this.#flushIfDue(machine);
    if (pauseUs > 0) this.#pause(pauseUs);
    if (this.#log !== undefined && !this.#adrift && this.#isDigestDue(machine)) {
      this.#wantsDigest = true;
      return "settle";
    }
    return "go";
  }

  settled(machine: Machine): void {
    if (this.#wantsDigest) {
      this.#wantsDigest = false;
      this.#lastDigestPoint = machine.point;
      this.#forcedSinceDigest = 0;
      const digest = this.#digester?.take();
      if (digest === undefined) return;
      this.#log?.control(machine.point, ControlCode.digest, digest);
      this.channel.gauges[Gauge.digestPoint] = machine.point;
      this.channel.gauges[Gauge.digest] = crc32c(digest);
      this.channel.gauges[Gauge.digests]!++;
    } else if (this.#wantsCapture !== undefined) {
      this.#capture(machine, this.#wantsCapture);
      this.#wantsCapture = undefined;
      this.#wantsForcedPoint = false;
    } else if (this.#wantsForcedPoint) {
      this.#wantsForcedPoint = false;
      this.#takeForcedPoint(machine);
    }
    this.#notePaused();
  }

  kicked(machine: Machine): void {
    this.#adrift = true;
    if (this.channel.gauges[Gauge.overduePoint] === machine.point) this.#wantsForcedPoint = true;
  }

  output(_machine: Machine, _sink: number, offset: number, bytes: Uint8Array): void {
    if (this.#outputs.bytes === 0) this.#outputSinceUs = this.#pacer.ranUs;
    this.#outputs.add(offset, bytes);
    if (bytes.at(-1) === NEWLINE) this.#newline = true;
  }

  /**
   * Lets the backup come closer. Only the host's time passes: the guest is where it was, and a line that it has
   * begun waits for its end. A frame for each piece would be more log than the guest had made without pauses.
   */
  #pause(pauseUs: number): void {
    const endUs = this.clock.nowUs() + pauseUs;
    for (;;) {
      this.channel.hear();
      this.#nowUs = this.clock.nowUs();
      if (this.#nowUs >= endUs || this.channel.commands.usedBytes > 0) break;
      this.channel.wait((endUs - this.#nowUs) / 1000);
    }
    this.#pacer.goesOn(this.#nowUs);
  }

  /**
   * The guest was stopped between two exits: nobody could find the place by replaying, so that the state which it
   * has come to is logged, with what enters now in it.
   */
  #takeForcedPoint(machine: Machine): void {
    const from = markOf(machine);
    machine.point++;
    this.#adrift = false;
    this.#forcedSinceDigest++;
    this.channel.gauges[Gauge.forcedPoints]!++;
    this.#nowUs = this.clock.nowUs();
    this.#advance(machine, Math.min(this.#nowUs, machine.board.deadlineUs()), false);
    this.#receive(machine, false);
    if (this.#log === undefined) return;
    // Output from before the point.
    this.#outputs.write(this.channel.notices, from.through);
    this.#newline = false;
    this.#frameOpenedUs = this.#nowUs;
    this.#states!.write(machine, from, [], this.#pacer.ranUs);
    this.channel.gauges[Gauge.events] = this.#log.events;
    this.channel.gauges[Gauge.states]!++;
  }

  #isDigestDue({ point }: Machine): boolean {
    return point - this.#lastDigestPoint >= this.#digestInterval ||
      this.#forcedSinceDigest >= forcedPointsPerDigest;
  }

  /** Moves the machine's clock, if that is forward, and logs it unless a state will have it. */
  #advance(machine: Machine, clockUs: number, isEvent = true): void {
    if (clockUs <= machine.clockUs) return;
    if (isEvent) this.#log?.time(machine.point, clockUs);
    machine.board.advance(clockUs);
    this.#lastTimePoint = machine.point;
  }

  #hasInput(): boolean {
    return this.#input.length > 0 || this.channel.input.usedBytes > 0;
  }

  /** Lets in as much console input as the UART has room for. */
  #receive(machine: Machine, isEvent = true): void {
    if (!this.#hasInput()) return;
    const { console } = machine.board;
    const space = console.rxSpace();
    if (space === 0) return;
    if (this.#input.length === 0) this.#input = this.channel.input.tryRead()!.body;
    const bytes = this.#input.subarray(0, space);
    this.#input = this.#input.subarray(bytes.length);
    if (isEvent) this.#log?.data(machine.point, DataDevice.console, bytes);
    console.receive(bytes);
  }

  #flushIfDue(machine: Machine): void {
    const outputDue = this.#outputs.bytes > 0 && (this.#newline ||
      this.#outputs.bytes >= outputBatchBytes ||
      this.#pacer.ranUs - this.#outputSinceUs >= flushDelayMaxUs);
    const logDue = this.#log !== undefined &&
      (this.#log.openBytes >= framePayloadTargetBytes ||
        this.#nowUs - this.#frameOpenedUs >= this.#frameAgeUs);
    if (outputDue || logDue) this.#close(machine, true);
  }

  /** Hands waiting output and the frame that covers it to main, if `isDue`. */
  #close(machine: Machine, isDue: boolean): void {
    if (!isDue) return;
    this.#frameOpenedUs = this.#nowUs;
    this.#outputs.write(this.channel.notices, machine.point);
    this.#newline = false;
    if (this.#log === undefined) return;
    this.#log.close(markOf(machine), this.#pacer.ranUs);
    this.channel.gauges[Gauge.events] = this.#log.events;
  }

  /** Begins a session's log: the whole state, each section a frame of its own. */
  #capture(
    machine: Machine,
    { session, generation, frameAgeMs }: StartLog,
  ): void {
    // Output from before the state is no part of the session: main has it before the first frame.
    this.#dropLog();
    this.#close(machine, true);
    if (this.#adrift) {
      // A forced point: the guest is between two exits, and nobody else could find the place.
      machine.point++;
      this.#adrift = false;
    }
    this.#digester = new Digester(machine, "everything");
    const log = new LogWriter(session, generation, (frame) => {
      this.channel.gauges[Gauge.logBytes]! += frame.bytes.length;
      writeFrame(this.channel.notices, frame);
    });
    this.#notice({ type: "captured", session, point: machine.point });
    let previous: { section: number; bytes: Uint8Array } | undefined;
    for (const part of captureState(machine)) {
      if (previous !== undefined) log.close(markOf(machine), this.#pacer.ranUs);
      log.state(machine.point, part.section, part.bytes);
      previous = part;
    }
    log.close(markOf(machine), this.#pacer.ranUs, true);
    this.#log = log;
    this.#states = new StateLogger(machine, log);
    this.channel.gauges[Gauge.states] = 0;
    this.#frameAgeUs = frameAgeMs * 1000;
    this.#lastDigestPoint = machine.point;
    this.#lastTimePoint = machine.point;
  }

  /** Nobody follows any more. */
  #dropLog(): void {
    this.#log?.[Symbol.dispose]();
    this.#log = undefined;
    this.#digester?.[Symbol.dispose]();
    this.#digester = undefined;
    this.#states?.[Symbol.dispose]();
    this.#states = undefined;
  }

  #obey(machine: Machine): void {
    do {
      this.channel.hear();
      for (;;) {
        const record = this.channel.commands.tryRead();
        if (record === undefined) break;
        if (record.kind === RecordKind.message) {
          this.#command(machine, decodeMessageRecord<RecorderCommand>(record.body));
        }
      }
      const mustAct = this.#stopping || this.#wantsCapture !== undefined ||
        this.#wantsForcedPoint || machine.end !== undefined;
      if (!this.#paused || mustAct) return;
      this.channel.wait();
    } while (!this.#stopping);
  }

  #command(machine: Machine, command: RecorderCommand): void {
    switch (command.type) {
      case "startLog":
        this.#wantsCapture = command;
        return;
      case "stopLog":
        this.#wantsCapture = undefined;
        this.#dropLog();
        return this.#notePaused();
      case "pause":
        this.#paused = true;
        this.#owesPaused = true;
        if (this.#log !== undefined && this.#adrift) this.#wantsForcedPoint = true;
        else this.#close(machine, true);
        return this.#notePaused();
      case "resume":
        this.#paused = false;
        if (machine.point === 0) this.clock.catchUp();
        return this.#pacer.goesOn(this.clock.nowUs());
      case "throttle":
        this.#pacer.share = command.share;
        return;
      case "end":
        machine.end ??= { why: command.why, code: 0 };
        return;
      case "quit":
        this.#stopping = true;
    }
  }

  /** Logs the end, with a digest where the point has an ordinal, and tells main. */
  #noticeEnd(machine: Machine): Verdict {
    if (this.#endNoticed) return "go";
    if (this.#log !== undefined && !this.#adrift && this.#lastDigestPoint !== machine.point) {
      this.#wantsDigest = true;
      return "settle";
    }
    this.#endNoticed = true;
    const end = machine.end!;
    this.#log?.control(machine.point, ControlCode.end, encodeMessageRecord(end));
    this.#close(machine, true);
    this.#notice({ type: "ended", end, sequence: this.#log?.sequence ?? 0 });
    return "go";
  }

  /** Tells main that the machine stands still, if it wants to know, and the log leads there. */
  #notePaused(): void {
    if (!this.#owesPaused || this.#log !== undefined && this.#wantsForcedPoint) return;
    this.#owesPaused = false;
    this.#notice({ type: "paused", sequence: this.#log?.sequence ?? 0 });
  }

  #notice(notice: RecorderNotice): void {
    this.channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
  }
}
