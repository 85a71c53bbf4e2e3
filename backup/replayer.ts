/**
 * The replayer: answers "what entered here?" from the log, and checks that the run is the recorded one.
 *
 * It never lets the guest go beyond the log's `through`. At the end of each frame the checksums of the
 * exit sequence and of the outputs must be the recorded ones; at each digest in the log the whole machine
 * must be. A difference is a DivergenceError that names the place.
 *
 * A state in the middle of the log takes the place of a stretch that is not replayed. It is gathered until it is
 * whole; what is there of one when the log ends has not happened.
 *
 * The same class replays a live log in a backup's vCPU thread and a file in `understudy replay`.
 */
import { crc32c, FrameDecoder, type LogEvent, type LogHeader } from "../codec/codec.ts";
import { DivergenceError, PeerError } from "../base/errors.ts";
import { isFrameLength } from "../devices/net_frames.ts";
import { ControlCode, DataDevice, outputTotals } from "../machine/control.ts";
import type { Digester } from "../machine/digest.ts";
import type { InputSource, Verdict } from "../machine/input_source.ts";
import type { GuestEnd, Machine } from "../machine/machine.ts";
import { decodeMessageRecord } from "../machine/records.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";
import { applySection, checkOutputs, StateSection } from "../machine/state.ts";
import { StagedState } from "../protocol/staged_state.ts";

/** Where frames come from, and where what a replay does is told. */
export interface ReplayIo {
  /** The next frame; blocks for it. Undefined: there is no more, stand still. */
  nextFrame(): Uint8Array | undefined;
  /** That frame is right by itself; throws if it can't come after those before it. */
  opened(header: LogHeader): void;
  /** Bytes that the guest put out. */
  output(sink: number, offset: number, point: number, bytes: Uint8Array): void;
  /** All of a frame has been replayed and verified. */
  replayed(header: LogHeader): void;
  /** The machine has a state from the log; its outputs that are not done are its own from here on. */
  stateApplied(): void;
}

/** Replays one log into one machine. */
export class Replayer implements InputSource, Disposable {
  readonly #decoder = new FrameDecoder();
  readonly #staged: StagedState;
  #frame: LogHeader | undefined;
  #event: LogEvent | undefined;
  /** A state is being received and is not whole yet: a log begins with one. */
  #assembling = true;
  #verifiedThrough = 0;
  /** A difference found while an exit was being served: thrown between exits, where it is safe. */
  #fault: Error | undefined;
  /** Digests that were compared and found equal. */
  digests = 0;
  /** The last of them: where, and a checksum of it. */
  lastDigest = { point: 0, checksum: 0 };

  /**
   * @param machine whose log it is: all its memory is zero, or the log has what is not as in there
   * @param digester of that machine
   */
  constructor(
    machine: Machine,
    private readonly io: ReplayIo,
    private readonly digester: Digester,
  ) {
    // Each page once: its number, and of its section's count at most all.
    this.#staged = new StagedState(machine.memory.pages * (PAGE_BYTES + 8));
  }

  /** Whether the machine has the state that the log begins with: before that it is none. */
  get isWhole(): boolean {
    return !this.#assembling;
  }

  /** What the frame that is being replayed says about itself. */
  get frame(): LogHeader | undefined {
    return this.#frame;
  }

  boundary(machine: Machine): Verdict {
    if (this.#fault !== undefined) throw this.#takeFault();
    for (;;) {
      if (this.#frame === undefined && !this.#openNext()) return "stop";
      const event = this.#event;
      if (event !== undefined) {
        const verdict = this.#meet(machine, event);
        if (verdict !== undefined) return verdict;
        continue;
      }
      const { through } = this.#frame!;
      if (machine.point < through && !this.#assembling) {
        if (machine.end !== undefined) {
          throw this.#differs(machine, "went on", describe(machine.end));
        }
        return "go";
      }
      this.#finishFrame(machine);
    }
  }

  enter(machine: Machine, _clockMatters: boolean): void {
    // What is completed before a state replaces it has nothing to do with the log.
    if (this.#assembling) return;
    try {
      this.#letEnter(machine);
    } catch (error) {
      this.#fault = error as Error;
    }
  }

  idle(machine: Machine): void {
    const before = this.#event;
    this.#letEnter(machine);
    if (this.#event === before) throw this.#differs(machine, "went on", "halted, nothing entered");
  }

  settled(machine: Machine): void {
    const event = this.#event!;
    if (event.kind === "state") {
      this.#applyState(machine, event);
    } else if (event.kind === "control") {
      this.digester.compare(event.bytes);
      this.digests++;
      this.lastDigest = { point: machine.point, checksum: crc32c(event.bytes) };
    }
    this.#event = this.#decoder.next();
  }

  kicked(_machine: Machine): void {
    // Signals are the host's affair: they take no ordinal.
  }

  output(machine: Machine, sink: number, offset: number, bytes: Uint8Array): void {
    if (!this.#assembling) this.io.output(sink, offset, machine.point, bytes);
  }

  /** Frees the decoder; the machine and its digester are the caller's. */
  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }

  #openNext(): boolean {
    const bytes = this.io.nextFrame();
    if (bytes === undefined) return false;
    const frame = this.#decoder.open(bytes);
    this.io.opened(frame);
    this.#frame = frame;
    this.#event = this.#decoder.next();
    return true;
  }

  /** What the next event means at a boundary; undefined if it has been dealt with. */
  #meet(machine: Machine, event: LogEvent): Verdict | undefined {
    if (this.#assembling) {
      if (event.kind === "state") return "settle";
      throw new PeerError(`a ${event.kind} event before the state is whole`);
    }
    if (event.kind !== "state" && !this.#staged.isEmpty) {
      throw new PeerError(`a ${event.kind} event in the middle of a state`);
    }
    if (event.point > machine.point) {
      if (machine.end !== undefined) throw this.#differs(machine, "went on", describe(machine.end));
      return "go";
    }
    if (event.point === machine.point) {
      if (event.kind === "control") return this.#control(machine, event.code, event.bytes);
      if (event.kind === "state") return this.#stage(machine, event);
      if (machine.halted) return "go";
    }
    const recorded = `${event.kind} at ${event.point}`;
    throw this.#differs(machine, recorded, "the guest did not wait for it");
  }

  #control(machine: Machine, code: number, bytes: Uint8Array): Verdict | undefined {
    switch (code) {
      case ControlCode.digest:
        return "settle";
      case ControlCode.end: {
        const recorded = decodeEnd(bytes);
        machine.end ??= recorded;
        if (machine.end.why !== recorded.why) {
          throw this.#differs(machine, describe(recorded), describe(machine.end));
        }
        this.#event = this.#decoder.next();
        return undefined;
      }
      default:
        throw new PeerError(`a control event ${code}, expected 1 or 2`);
    }
  }

  /** Applies the time and data events of this point. */
  #letEnter(machine: Machine): void {
    for (;;) {
      const event = this.#event;
      if (event === undefined || event.point > machine.point) return;
      if (event.point < machine.point) {
        throw this.#differs(machine, `${event.kind} at ${event.point}`, "no exit there took it");
      }
      if (event.kind === "time") this.#advance(machine, event.clockUs);
      else if (event.kind === "data") this.#receive(machine, event.device, event.bytes);
      else return;
      this.#event = this.#decoder.next();
    }
  }

  #advance(machine: Machine, clockUs: number): void {
    const { board } = machine;
    if (clockUs <= board.clockUs || clockUs > board.deadlineUs()) {
      const here = `clock ${board.clockUs}, next deadline ${board.deadlineUs()}`;
      throw this.#differs(machine, `clock moved to ${clockUs}`, here);
    }
    board.advance(clockUs);
  }

  #receive(machine: Machine, device: number, bytes: Uint8Array): void {
    if (device === DataDevice.net) return this.#receiveFrame(machine, bytes);
    if (device !== DataDevice.console) {
      throw new PeerError(`data for device ${device}, expected 0 or 1`);
    }
    const { console } = machine.board;
    if (bytes.length > console.rxSpace()) {
      const here = `room for ${console.rxSpace()}`;
      throw this.#differs(machine, `${bytes.length} bytes entered the console`, here);
    }
    console.receive(bytes);
  }

  #receiveFrame(machine: Machine, frame: Uint8Array): void {
    const { net } = machine.board;
    if (net === undefined) throw new PeerError("a network frame for a machine without a card");
    if (!isFrameLength(frame.length)) {
      throw new PeerError(`a network frame of ${frame.length} bytes`);
    }
    if (!net.canReceive()) {
      throw this.#differs(machine, "a network frame entered", "no buffer for one");
    }
    net.receive(frame);
  }

  /** Gathers a section of a state that is met where it applies; the last one has to find its instruction complete. */
  #stage(machine: Machine, { section, bytes }: LogEvent & { kind: "state" }): Verdict | undefined {
    if (machine.end !== undefined) throw this.#differs(machine, "went on", describe(machine.end));
    switch (section) {
      case StateSection.machine:
        return "settle";
      case StateSection.pages:
        this.#staged.addPages(bytes);
        break;
      case StateSection.outputs:
        this.#staged.addOutput(bytes);
        break;
      default:
        throw new PeerError(`state section ${section}, expected 0 to 2`);
    }
    this.#event = this.#decoder.next();
    return undefined;
  }

  #applyState(machine: Machine, { section, bytes }: LogEvent & { kind: "state" }): void {
    if (!this.#assembling) return this.#change(machine, bytes);
    this.#assembling = section !== StateSection.machine;
    applySection(machine, { section, bytes });
    if (this.#assembling) return;
    checkOutputs(machine);
    this.io.stateApplied();
  }

  /** A stretch that is not replayed: the machine is now what it came to. */
  #change(machine: Machine, rest: Uint8Array<ArrayBuffer>): void {
    const before = { point: machine.point, totals: outputTotals(machine.board) };
    for (const bytes of this.#staged.takePages()) {
      applySection(machine, { section: StateSection.pages, bytes });
    }
    applySection(machine, { section: StateSection.machine, bytes: rest });
    const { point } = machine;
    const { through } = this.#frame!;
    if (point < before.point || point > through) {
      throw new PeerError(
        `a state of point ${point} at ${before.point}, in a log up to ${through}`,
      );
    }
    for (
      const { sink, offset, bytes } of this.#staged.takeOutputs(
        before.totals,
        outputTotals(machine.board),
      )
    ) this.io.output(sink, offset, point, bytes);
  }

  #finishFrame(machine: Machine): void {
    const frame = this.#frame!;
    if (!this.#assembling) {
      if (machine.point !== frame.through) {
        throw this.#differs(machine, `a log up to ${frame.through}`, `stands at ${machine.point}`);
      }
      this.#verify(machine, frame);
      this.#verifiedThrough = frame.through;
    }
    this.#frame = undefined;
    this.io.replayed(frame);
  }

  #verify(machine: Machine, frame: LogHeader): void {
    const since = `since ${this.#verifiedThrough}`;
    const pairs = [
      [`exit sequence ${since}`, frame.exitsChecksum, machine.exits.low],
      [`outputs ${since}`, frame.outputsChecksum, machine.outputs.low],
    ] as const;
    for (const [place, recorded, replayed] of pairs) {
      if (recorded === replayed) continue;
      throw new DivergenceError(frame.through, place, recorded.toString(16), replayed.toString(16));
    }
  }

  #differs(machine: Machine, recorded: string, replayed: string): DivergenceError {
    return new DivergenceError(machine.point, "events", recorded, replayed);
  }

  #takeFault(): Error {
    const fault = this.#fault!;
    this.#fault = undefined;
    return fault;
  }
}

/** The end that a log tells of. @throws PeerError if it is none */
function decodeEnd(bytes: Uint8Array): GuestEnd {
  try {
    const { why, code } = decodeMessageRecord<Record<keyof GuestEnd, unknown>>(bytes);
    if (typeof why === "string" && Number.isSafeInteger(code)) return { why, code: code as number };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new PeerError(`the guest's end in ${bytes.length} bytes that are not a reason and a code`);
}

function describe({ why, code }: GuestEnd): string {
  return `ended: ${why} (${code})`;
}
