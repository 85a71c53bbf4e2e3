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
import {
  exitsPerTimeEvent,
  flushDelayMaxUs,
  framePayloadTargetBytes,
  outputBatchBytes,
  stopHaste,
} from "../base/limits.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import { ControlCode, DataDevice } from "../machine/control.ts";
import type { InputSource, Verdict } from "../machine/input_source.ts";
import { HostClock } from "../ffi/host_clock.ts";
import { inHaste } from "../ffi/priority.ts";
import type { Machine } from "../machine/machine.ts";
import {
  decodeMessageRecord,
  encodeMessageRecord,
  RecordKind,
  writeDirty,
  writeFrame,
} from "../machine/records.ts";
import { PageHashes } from "../machine/page_hashes.ts";
import { OutputBatch } from "../machine/output_batch.ts";
import { type Verify, verifyDefault } from "../protocol/verify.ts";
import { captureState } from "../machine/state.ts";
import { LogWriter } from "./log_writer.ts";
import type { MachineClock } from "./machine_clock.ts";
import { Pacer } from "./pacer.ts";
import { Verifier } from "./verifier.ts";
import type { RecorderCommand, RecorderNotice, StartLog } from "./recorder_messages.ts";
import { TransferCapture } from "./transfer_capture.ts";

const NEWLINE = 10;

/** How a recorder works. */
export interface RecorderOptions {
  /** How often the log carries a digest; undefined: as usual. */
  readonly verify?: Verify;
  /** Do not enter the guest before a `resume` command. */
  readonly startPaused?: boolean;
}

/** Records one machine. */
export class Recorder implements InputSource {
  readonly #verifier: Verifier;
  readonly #pacer: Pacer;
  #log: LogWriter | undefined;
  #nowUs: number;
  #lastTimePoint = 0;
  /** How long the guest has to pause for the backup's sake. */
  #pauseUs = 0;
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
  /** Since the guest stopped for that. */
  #stopClock = new HostClock();
  /** A state is being transferred while the guest runs. */
  #transfer: TransferCapture | undefined;
  /** What the backup that gets the next state has of the machine's memory; undefined: nothing was told. */
  #known: PageHashes | undefined;
  #wantsDigest = false;

  constructor(
    machine: Machine,
    private readonly channel: Channel,
    private readonly clock: MachineClock,
    options: RecorderOptions = {},
  ) {
    this.#verifier = new Verifier(options.verify ?? verifyDefault);
    this.#paused = options.startPaused ?? false;
    this.#nowUs = clock.nowUs();
    this.#pacer = new Pacer(this.#nowUs);
    this.#lastTimePoint = machine.point;
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
    if (this.#wantsCapture !== undefined || this.#wantsDigest) return "settle";
    if (machine.end !== undefined) return this.#noticeEnd(machine);
    this.#pauseUs += this.#pacer.ran(this.#nowUs);
    const isOutputDue = this.#isOutputDue(machine);
    this.#verifier.lookAhead();
    // A digest where the guest is between two exits: nobody else could find the place.
    if (this.#log !== undefined && !this.#adrift && this.#verifier.isDue(machine, isOutputDue)) {
      this.#wantsDigest = true;
      return "settle";
    }
    if (isOutputDue || this.#isLogDue()) this.#close(machine, true);
    if (this.#pauseUs > 0) this.#pause();
    return "go";
  }

  settled(machine: Machine): void {
    if (this.#wantsDigest) {
      this.#wantsDigest = false;
      const digest = this.#verifier.take(machine, this.channel.gauges);
      if (digest === undefined) return;
      this.#log?.control(machine.point, ControlCode.digest, digest);
    } else if (this.#wantsCapture !== undefined) {
      const command = this.#wantsCapture;
      inHaste(stopHaste, () => this.#capture(machine, command));
      this.#wantsCapture = undefined;
    }
  }

  kicked(_machine: Machine): void {
    this.#adrift = true;
    this.#nowUs = this.clock.nowUs();
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
  #pause(): void {
    const endUs = this.clock.nowUs() + this.#pauseUs;
    this.#pauseUs = 0;
    for (;;) {
      this.channel.hear();
      this.#nowUs = this.clock.nowUs();
      if (this.#nowUs >= endUs || this.channel.commands.usedBytes > 0) break;
      this.channel.wait((endUs - this.#nowUs) / 1000);
    }
    this.#pacer.goesOn(this.#nowUs);
  }

  /** Moves the machine's clock, if that is forward, and logs it. */
  #advance(machine: Machine, clockUs: number): void {
    if (clockUs <= machine.clockUs) return;
    this.#log?.time(machine.point, clockUs);
    machine.board.advance(clockUs);
    this.#lastTimePoint = machine.point;
  }

  #hasInput(): boolean {
    return this.#input.length > 0 || this.channel.input.usedBytes > 0;
  }

  /** Lets in as much console input as the UART has room for. */
  #receive(machine: Machine): void {
    if (!this.#hasInput()) return;
    const { console } = machine.board;
    const space = console.rxSpace();
    if (space === 0) return;
    if (this.#input.length === 0) this.#input = this.channel.input.tryRead()!.body;
    const bytes = this.#input.subarray(0, space);
    this.#input = this.#input.subarray(bytes.length);
    this.#log?.data(machine.point, DataDevice.console, bytes);
    console.receive(bytes);
  }

  /** Whether a frame has to be closed because output waits for it. */
  #isOutputDue({ halted }: Machine): boolean {
    return this.#outputs.bytes > 0 && (this.#newline || halted ||
      this.#outputs.bytes >= outputBatchBytes ||
      this.#pacer.ranUs - this.#outputSinceUs >= flushDelayMaxUs);
  }

  /** Whether a frame has to be closed though no output waits for it. */
  #isLogDue(): boolean {
    return this.#log !== undefined &&
      (this.#log.openBytes >= framePayloadTargetBytes ||
        this.#nowUs - this.#frameOpenedUs >= this.#frameAgeUs);
  }

  /** Hands waiting output and the frame that covers it to main, if `isDue`. */
  #close(machine: Machine, isDue: boolean): void {
    if (!isDue) return;
    this.#frameOpenedUs = this.#nowUs;
    this.#outputs.write(this.channel, machine);
    this.#newline = false;
    if (this.#log === undefined) return;
    this.#log.close(machine, this.#pacer.ranUs);
    this.channel.gauges[Gauge.events] = this.#log.events;
  }

  /** Begins a session's log: the state, or what is left of it, in frames of as many sections as make sense. */
  #capture(
    machine: Machine,
    { session, generation, frameAgeMs, lastRound }: StartLog,
  ): void {
    // Output from before the state is no part of the session: main has it before the first frame.
    this.#dropLog();
    this.#close(machine, true);
    if (this.#adrift) {
      // A forced point: the guest is between two exits, and nobody else could find the place.
      machine.point++;
      this.#adrift = false;
    }
    machine.undone.doneThrough(this.channel.gauges[Gauge.doneOffset]!);
    const { sequence, sections } = lastRound === undefined
      ? { sequence: 0, sections: captureState(machine) }
      : this.#transfer!.finish(lastRound, this.channel.notices);
    const log = new LogWriter(session, generation, (frame) => {
      this.channel.gauges[Gauge.logBytes]! += frame.bytes.length;
      writeFrame(this.channel.notices, frame);
    }, sequence);
    for (const { section, bytes } of sections) {
      const payloadBytes = log.openBytes + bytes.length;
      if (log.openEvents > 0 && payloadBytes > framePayloadTargetBytes) {
        log.close(machine, this.#pacer.ranUs);
      }
      log.state(machine.point, section, bytes);
    }
    this.#log = log;
    this.#frameAgeUs = frameAgeMs * 1000;
    this.#verifier.begin(machine);
    this.#lastTimePoint = machine.point;
    this.#dropTransfer();
    // Before the frame that completes the state: from then on the backup need not be told how far it has come.
    const stopUs = Math.round(this.#stopClock.elapsedNs() / 1000);
    this.#notice({ type: "captured", session, stopUs });
    log.close(machine, this.#pacer.ranUs, true);
  }

  #dropTransfer(): void {
    this.#transfer?.[Symbol.dispose]();
    this.#transfer = undefined;
  }

  /** From now on main copies pages; the next state is this session's. */
  #copy(machine: Machine, { session, isKnown }: RecorderCommand & { type: "copy" }): void {
    const { notices } = this.channel;
    this.#transfer = new TransferCapture(machine, session);
    this.#notice({ type: "copying", session });
    if (!isKnown) return;
    const known = this.#known ?? new PageHashes(machine.memory.pages);
    writeDirty(notices, session, this.#verifier.differing(known, machine.memory.pages));
    this.#known = undefined;
  }

  /** Nobody follows any more, or somebody anew. */
  #dropLog(): void {
    this.#log?.[Symbol.dispose]();
    this.#log = undefined;
  }

  #obey(machine: Machine): void {
    do {
      this.channel.hear();
      for (;;) {
        const record = this.channel.commands.tryRead();
        if (record === undefined) break;
        if (record.kind === RecordKind.message) {
          this.#command(machine, decodeMessageRecord<RecorderCommand>(record.body));
        } else if (record.kind === RecordKind.hashes) {
          this.#known ??= new PageHashes(machine.memory.pages);
          this.#known.add(record.body);
        }
      }
      const mustAct = this.#stopping || this.#wantsCapture !== undefined ||
        machine.end !== undefined;
      if (!this.#paused || mustAct) return;
      this.channel.wait();
    } while (!this.#stopping);
  }

  #command(machine: Machine, command: RecorderCommand): void {
    switch (command.type) {
      case "startLog":
        this.#wantsCapture = command;
        this.#stopClock = new HostClock();
        return;
      case "copy":
        this.#dropTransfer();
        return inHaste(stopHaste, () => this.#copy(machine, command));
      case "takeDirty":
        return inHaste(stopHaste, () => this.#transfer?.takeDirty(this.channel.notices));
      case "stopLog":
        this.#wantsCapture = this.#known = undefined;
        this.#dropLog();
        this.#dropTransfer();
        // What is digested is of use for the next state, but while nobody follows it would cost for nothing.
        if (!command.heals) this.#verifier.end();
        return this.#notice({ type: "logStopped", session: command.session });
      case "pause":
        this.#paused = true;
        this.#close(machine, true);
        return this.#notice({ type: "paused", sequence: this.#log?.sequence ?? 0 });
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
    if (this.#log !== undefined && !this.#adrift && this.#verifier.lastPoint !== machine.point) {
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

  #notice(notice: RecorderNotice): void {
    this.channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
  }
}
