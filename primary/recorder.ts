/**
 * The recorder: answers "what entered here?" from the host, and writes the answer down.
 *
 * It runs in the vCPU's thread, inside of the vCPU loop. Time comes from the host's clock, console
 * input, network frames and commands from main through the channel; outputs and frames go to main the same way. While
 * nobody follows there is no log; a session begins with the machine's state.
 *
 * When a frame is closed is decided here: when an output needs it (waiting_output.ts), when it is large, when it is
 * old. Outputs that wait together share one frame.
 */
import { exitsPerTimeEvent, framePayloadTargetBytes, stopHaste } from "../base/limits.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import { Sink } from "../machine/control.ts";
import type { InputSource, Verdict } from "../machine/input_source.ts";
import { inHaste } from "../ffi/priority.ts";
import type { Machine } from "../machine/machine.ts";
import { decodeMessageRecord, encodeMessageRecord, RecordKind } from "../machine/records.ts";
import { type Verify, verifyDefault } from "../protocol/verify.ts";
import { Arrivals } from "./arrivals.ts";
import { markOf } from "./log_writer.ts";
import type { MachineClock } from "./machine_clock.ts";
import { Pacer } from "./pacer.ts";
import type { LogRules, RecorderCommand, RecorderNotice, StartLog } from "./recorder_messages.ts";
import { SessionLog } from "./session_log.ts";
import { StateSource } from "./state_source.ts";
import { WaitingOutput } from "./waiting_output.ts";

/** How a recorder works. */
export interface RecorderOptions {
  /** How often the log carries a digest; undefined: as usual. */
  readonly verify?: Verify;
  /** Do not enter the guest before a `resume` command. */
  readonly startPaused?: boolean;
}

/** Records one machine. */
export class Recorder implements InputSource {
  readonly #verify: Verify;
  readonly #pacer: Pacer;
  /** While somebody follows. */
  #session: SessionLog | undefined;
  #nowUs: number;
  #lastTimePoint = 0;
  /** How long the guest has to pause for the backup's sake. */
  #pauseUs = 0;
  #frameOpenedUs = 0;
  readonly #outputs = new WaitingOutput();
  readonly #arrivals: Arrivals;
  /** The guest has been entered since its last exit: where it is has no ordinal. */
  #adrift = false;
  #paused: boolean;
  #stopping = false;
  #endNoticed = false;
  #wantsCapture: StartLog | undefined;
  #wantsRules: LogRules | undefined;
  readonly #states: StateSource;
  #wantsDigest = false;
  /** The log is to lead to where the machine is, which only a state can do. */
  #wantsState = false;
  /** The guest has computed for a slice: something may enter where it is. */
  #isOverdue = false;
  /** Main is to be told that the machine stands still, once the log leads there. */
  #owesPaused = false;

  constructor(
    machine: Machine,
    private readonly channel: Channel,
    private readonly clock: MachineClock,
    options: RecorderOptions = {},
  ) {
    this.#verify = options.verify ?? verifyDefault;
    this.#arrivals = new Arrivals(channel);
    this.#states = new StateSource(machine, channel.notices);
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
    this.#isOverdue = false;
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
    this.#close(machine, !this.#outputs.isEmpty);
    while (!this.#wantsState) {
      this.channel.hear();
      this.#nowUs = this.clock.nowUs();
      this.#pacer.goesOn(this.#nowUs);
      const deadlineUs = machine.board.deadlineUs();
      if (this.#nowUs >= deadlineUs) return this.#advance(machine, deadlineUs);
      if (this.#arrivals.canEnter(machine)) {
        this.#advance(machine, this.#nowUs);
        return this.#receive(machine);
      }
      if (this.channel.commands.usedBytes > 0) return;
      const ageUs = this.#session?.lacks(machine)
        ? this.#frameOpenedUs + this.#session.frameAgeUs - this.#nowUs
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
    if (this.#mustSettle || this.#wantsDigest) return "settle";
    if (machine.end !== undefined) return this.#noticeEnd(machine);
    this.#pauseUs += this.#pacer.ran(this.#nowUs);
    const session = this.#session;
    const isOutputDue = this.#outputs.isDue(machine, this.#pacer.ranUs, session?.epochUs);
    session?.lookAhead();
    // A digest where the guest is between two exits: nobody else could find the place.
    if (!this.#adrift && session?.isDigestDue(machine, isOutputDue)) {
      this.#wantsDigest = true;
      return "settle";
    }
    if (isOutputDue || this.#isLogDue()) this.#close(machine, true);
    if (this.#wantsState) return "settle";
    if (this.#pauseUs > 0) this.#pause();
    return "go";
  }

  settled(machine: Machine): void {
    if (this.#wantsDigest) {
      this.#wantsDigest = false;
      this.#session?.digest(machine);
    } else if (this.#wantsCapture !== undefined) {
      const start = this.#wantsCapture;
      inHaste(stopHaste, () => this.#capture(machine, start));
    } else if (this.#wantsRules !== undefined && !this.#paused) {
      this.#changeRules(machine, this.#wantsRules);
    } else this.#takeState(machine);
    this.#notePaused();
  }

  kicked(machine: Machine): void {
    this.#adrift = true;
    this.#nowUs = this.clock.nowUs();
    if (this.channel.gauges[Gauge.overduePoint] === machine.point) this.#isOverdue = true;
  }

  output(_machine: Machine, sink: number, offset: number, bytes: Uint8Array): void {
    this.#outputs.add(sink, offset, bytes, this.#pacer.ranUs);
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

  /** Something waits that can't be done while an instruction is pending, and that nothing else may precede. */
  get #mustSettle(): boolean {
    // Main counts on a machine that stands still to log nothing more.
    const mustChange = this.#wantsRules !== undefined && !this.#paused;
    return this.#wantsCapture !== undefined || this.#wantsState || this.#isOverdue || mustChange;
  }

  /** The log is made to lead to where the machine is; a guest that was stopped is given what came meanwhile. */
  #takeState(machine: Machine): void {
    const from = markOf(machine);
    const isForced = this.#adrift;
    const isDue = this.#wantsState;
    this.#wantsState = false;
    this.#isOverdue = false;
    if (isForced) this.#forcePoint(machine);
    const session = this.#session;
    if (session === undefined) return;
    if (session.isCheckpointing ? !isDue : !isForced) return this.#close(machine, isDue);
    // In replay mode it was made by exits, which are before the forced point.
    const { through } = session.isCheckpointing ? markOf(machine) : from;
    const outputs = this.#outputs.write(this.channel, machine, through);
    this.#frameOpenedUs = this.#nowUs;
    const { ranUs } = this.#pacer;
    session.state(machine, from, session.isCheckpointing ? outputs : [], ranUs);
  }

  /** Keeps the log in another way, once it leads to where the machine is. */
  #changeRules(machine: Machine, rules: LogRules): void {
    this.#wantsRules = undefined;
    const session = this.#session;
    if (session === undefined) return;
    if (session.isCheckpointing) this.#wantsState = this.#adrift || session.lacks(machine);
    if (this.#adrift || this.#wantsState) this.#takeState(machine);
    else this.#close(machine, true);
    session.keep(machine, rules);
  }

  /** Gives where the guest is an ordinal, and lets in what is there. None of it is an event: a state has it. */
  #forcePoint(machine: Machine): void {
    machine.point++;
    this.#adrift = false;
    this.channel.gauges[Gauge.forcedPoints]!++;
    this.#nowUs = this.clock.nowUs();
    this.#advance(machine, Math.min(this.#nowUs, machine.board.deadlineUs()), false);
    this.#receive(machine, false);
  }

  /** Moves the machine's clock, if that is forward, and logs it unless a state will have it. */
  #advance(machine: Machine, clockUs: number, isEvent = true): void {
    if (clockUs <= machine.clockUs) return;
    if (isEvent) this.#session?.time(machine.point, clockUs);
    machine.board.advance(clockUs);
    this.#lastTimePoint = machine.point;
  }

  /** Lets in what has arrived and has room, and logs it unless a state will have it. */
  #receive(machine: Machine, isEvent = true): void {
    const session = isEvent ? this.#session : undefined;
    this.#arrivals.enter(
      machine,
      session && ((device, bytes) => session.data(machine.point, device, bytes)),
    );
  }

  /** Whether a frame, or a state, is due though no output waits for it. */
  #isLogDue(): boolean {
    const session = this.#session;
    return session !== undefined && (session.openBytes >= framePayloadTargetBytes ||
      this.#nowUs - this.#frameOpenedUs >= session.frameAgeUs);
  }

  /** Hands waiting output and the frame that covers it to main, if `isDue`; or sees to it that a state does. */
  #close(machine: Machine, isDue: boolean): void {
    if (!isDue) return;
    if (this.#session?.isCheckpointing) {
      this.#wantsState ||= this.#session.lacks(machine);
      return;
    }
    this.#frameOpenedUs = this.#nowUs;
    this.#outputs.write(this.channel, machine);
    this.#session?.close(machine, this.#pacer.ranUs);
  }

  /** Begins a session's log: with the state, or what is left of it. */
  #capture(machine: Machine, start: StartLog): void {
    // Output from before the state is no part of the session: main has it before the first frame.
    this.#dropLog();
    this.#close(machine, true);
    if (this.#adrift) {
      // A forced point: the guest is between two exits, and nobody else could find the place.
      machine.point++;
      this.#adrift = false;
    }
    for (const sink of Object.values(Sink)) {
      machine.undone.doneThrough(sink, this.channel.doneOffset(sink));
    }
    const { ranUs } = this.#pacer;
    const { digester } = this.#states.pages;
    const first = this.#states.first(start);
    const session = new SessionLog(machine, start, first, this.channel, ranUs, {
      digester,
      verify: this.#verify,
    });
    this.#session = session;
    this.#wantsCapture = undefined;
    this.#lastTimePoint = machine.point;
    // Before the frame that completes the state: from then on the backup need not be told how far it has come.
    this.#states.finish(start);
    session.begin(machine, ranUs);
  }

  /** Nobody follows any more, or somebody anew. */
  #dropLog(): void {
    this.#session?.[Symbol.dispose]();
    this.#session = undefined;
    this.#wantsState = false;
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
          this.#states.pages.tell(record.body);
        }
      }
      const mustAct = this.#stopping || this.#mustSettle || machine.end !== undefined;
      if (!this.#paused || mustAct) return;
      this.channel.wait();
    } while (!this.#stopping);
  }

  #command(machine: Machine, command: RecorderCommand): void {
    switch (command.type) {
      case "startLog":
        this.#wantsCapture = command;
        this.#wantsRules = undefined;
        return this.#states.stopNow();
      case "copy":
        return this.#states.copy(command);
      case "takeDirty":
        return this.#states.takeDirty();
      case "stopLog":
        this.#wantsCapture = this.#wantsRules = undefined;
        this.#dropLog();
        this.#states.drop();
        this.#states.pages.forgetTold();
        // What is digested is of use for the next state, but while nobody follows it would cost for nothing.
        if (!command.heals) this.#states.pages.drop();
        this.#notice({ type: "logStopped", session: command.session });
        return this.#notePaused();
      case "keepLog":
        this.#wantsRules = command;
        return;
      case "pause":
        this.#paused = true;
        this.#owesPaused = true;
        if (this.#session !== undefined && this.#adrift) this.#wantsState = true;
        else this.#close(machine, true);
        return this.#notePaused();
      case "resume":
        this.#paused = false;
        this.#owesPaused = false;
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

  /** Logs the end, with a digest where the point has an ordinal and the registers are the guest's; tells main. */
  #noticeEnd(machine: Machine): Verdict {
    if (this.#endNoticed) return "go";
    const session = this.#session;
    if (session?.isCheckpointing && session.lacks(machine)) {
      this.#wantsState = true;
      return "settle";
    }
    const isExact = !this.#adrift && !machine.hasShutDown;
    if (session !== undefined && isExact && !session.isDigested(machine)) {
      this.#wantsDigest = true;
      return "settle";
    }
    this.#endNoticed = true;
    const end = machine.end!;
    this.#outputs.write(this.channel, machine);
    session?.end(machine, end, this.#pacer.ranUs);
    this.#notice({ type: "ended", end, sequence: session?.sequence ?? 0 });
    return "go";
  }

  /** Tells main that the machine stands still, if it wants to know, and the log leads there. */
  #notePaused(): void {
    if (!this.#owesPaused || this.#wantsState) return;
    this.#owesPaused = false;
    this.#notice({ type: "paused", sequence: this.#session?.sequence ?? 0 });
  }

  #notice(notice: RecorderNotice): void {
    this.channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
  }
}
