/**
 * A primary's vCPU thread: runs the machine, logs what enters it in frames of the production codec, and
 * hands outputs and frames to main through a bounded ring, each output before the frame that covers it.
 *
 * It does what primary/recorder.ts does, at the pace of the simulation: in replay mode it logs events, and a state
 * where the guest had to be stopped; in checkpoint mode, where nobody could replay what the guest does, states only.
 */
import { FrameEncoder, type LogEvent } from "../../codec/codec.ts";
import { encodeStateOutput } from "../../codec/state_output.ts";
import type { Output } from "../../protocol/output_gate.ts";
import type { PrimaryInput } from "../../protocol/primary.ts";
import type { Random } from "../support/random.ts";
import { encodePages, type SimMachine, SimSection, SINKS } from "./machine.ts";
import type { SimProcess } from "./process.ts";
import type { TransferAnswer } from "./transfer.ts";

/** The end of a state transfer: the machine stops, and the log begins. */
interface StartLog {
  readonly type: "startLog";
  readonly session: number;
  readonly generation: number;
  readonly checkpointing: boolean;
  readonly lastRound: { readonly sequence: number; readonly pagesPerFrame: number };
}

/** What it says to main: for the protocol, or an answer to a command. */
export type SimRecord = PrimaryInput | { readonly answer: TransferAnswer };

/** What main can ask of it. */
export type Command =
  | StartLog
  | { readonly type: "keepLog"; readonly checkpointing: boolean }
  | { readonly type: "copy" | "takeDirty"; readonly session: number }
  | { readonly type: "stopLog" | "pause" | "resume" | "end" };

/** Records in the ring at most; a full ring makes the machine wait. */
export const RING_RECORDS = 12;
/** Outputs that share a frame at most, but for those of one burst of exits. */
const BATCH_BYTES = 24;
/** Pages of a state in the log go in sections of so many. */
const PAGES_PER_SECTION = 3;
/** One for all: a frame is encoded at one go. */
const encoder = new FrameEncoder();

interface Log {
  readonly session: number;
  readonly generation: number;
  sequence: number;
  /** Where the last state was logged. */
  base: Mark;
  /** The pages that were written since. */
  readonly written: Set<number>;
}

/** A state that main sends while the machine runs. */
interface Transfer {
  /** The pages that were written since main was told last. */
  readonly written: Set<number>;
  /** What it was told then: it has sent nothing of it if it ends the transfer. */
  toSend: readonly number[];
}

/** How far a log has come, as a frame says it. */
interface Mark {
  readonly through: number;
  readonly digest: number;
  readonly outputsHash: number;
  readonly inputOffset: number;
}

/** See the top of the file. */
export class SimRecorder {
  readonly ring: SimRecord[] = [];
  #commands: Command[] = [];
  #log: Log | undefined;
  #outputs: Output[] = [];
  #transfer: Transfer | undefined;
  #isCheckpointing = false;
  #wantsCheckpoints: boolean | undefined;
  #isPaused = false;
  #endNoticed = false;
  #isScheduled = false;
  /** Of the open frame. */
  #events: LogEvent[] = [];

  /** @param onRecords is told that there is something in the ring */
  constructor(
    readonly process: SimProcess,
    readonly machine: SimMachine,
    private readonly random: Random,
    private readonly onRecords: () => void,
  ) {
    this.#schedule(0);
  }

  /** Obeyed at the next exit. */
  command(command: Command): void {
    this.#commands.push(command);
    this.#schedule(0.05 + this.random.below(100) / 100);
  }

  /** There is room in the ring again. */
  continue(): void {
    this.#schedule(0.05);
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { world } = this.process;
    world.scheduler.after(delayMs, () => this.process.onThread(() => this.#run()));
  }

  #run(): void {
    this.#isScheduled = false;
    const commands = this.#commands;
    this.#commands = [];
    for (const command of commands) this.#obey(command);
    if (this.ring.length < RING_RECORDS) this.#exits();
    if (this.ring.length > 0) this.onRecords();
  }

  #exits(): void {
    const { machine, random, process: { world } } = this;
    if (machine.hasEnded) return this.#noticeEnd();
    if (this.#isPaused) return;
    if (world.isQuiet) return this.#outputs.length > 0 ? this.#close() : undefined;
    for (let count = 1 + random.below(5); count > 0; count--) {
      if (random.below(12) === 0) this.#forcePoint();
      else this.#exit();
    }
    const waiting = this.#outputs.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (waiting >= BATCH_BYTES || random.below(3) !== 0) this.#close();
    this.#schedule(world.config.exitsMs * (0.2 + random.below(100) / 60));
  }

  #exit(): void {
    const { machine, random } = this;
    machine.run();
    // It asks its processor for what no log has.
    if (this.#isCheckpointing) machine.compute(random.below(2 ** 32));
    this.#letEnter(!this.#isCheckpointing);
    const output = machine.serve();
    if (output !== undefined) this.#outputs.push(output);
  }

  /** The guest computes without an exit until it is stopped, and gets what has come meanwhile. */
  #forcePoint(): void {
    const { machine, random } = this;
    // What is replayed up to here is compared here.
    if (!this.#isCheckpointing) this.#close();
    const from = this.#mark();
    machine.compute(random.below(2 ** 32));
    machine.point++;
    this.#letEnter(false);
    if (this.#log !== undefined && !this.#isCheckpointing) this.#change(from, []);
  }

  #letEnter(isEvent: boolean): void {
    const { machine, random } = this;
    const { point } = machine;
    const chance = random.below(8);
    if (chance < 2) {
      const clockUs = machine.clockUs + 1 + random.below(999);
      this.#enter({ kind: "time", point, clockUs }, isEvent);
    } else if (chance === 2) {
      const bytes = new Uint8Array([random.below(256)]);
      this.#enter({ kind: "data", point, device: 0, bytes }, isEvent);
    }
  }

  /** Something enters, and is written down unless a state will have it. */
  #enter(event: LogEvent, isEvent: boolean): void {
    if (this.#log !== undefined && isEvent) this.#events.push(event);
    this.machine.enter(event);
  }

  #obey(command: Command): void {
    switch (command.type) {
      case "startLog":
        return this.#capture(command);
      case "keepLog":
        this.#wantsCheckpoints = command.checkpointing;
        return this.#isPaused ? undefined : this.#keepLog();
      case "stopLog":
        this.#dropLog();
        if (this.#transfer !== undefined) this.machine.forget(this.#transfer.written);
        this.#transfer = undefined;
        return;
      case "copy":
        this.#transfer = { written: this.machine.listen(), toSend: [] };
        return void this.ring.push({ answer: { type: "copying", session: command.session } });
      case "takeDirty": {
        if (this.#transfer === undefined) return;
        const pages = this.#transfer.toSend = taken(this.#transfer.written);
        const { session } = command;
        return void this.ring.push({ answer: { type: "dirty", session, pages } });
      }
      case "pause":
        this.#isPaused = true;
        this.#close();
        return void this.ring.push({ type: "paused", sequence: this.#log?.sequence ?? 0 });
      case "resume":
        this.#isPaused = false;
        return this.#keepLog();
      case "end":
        this.machine.hasEnded = true;
    }
  }

  /** Keeps the log in another way. By the old one it leads to here. */
  #keepLog(): void {
    if (this.#wantsCheckpoints === undefined) return;
    this.#close();
    this.#isCheckpointing = this.#wantsCheckpoints;
    this.#wantsCheckpoints = undefined;
    if (this.#log !== undefined) Object.assign(this.#log, { base: this.#mark() });
  }

  #noticeEnd(): void {
    if (this.#endNoticed) return;
    this.#endNoticed = true;
    this.#close();
    const { point } = this.machine;
    this.#enter({ kind: "control", point, code: 2, bytes: new Uint8Array(0) }, true);
    if (this.#log !== undefined) this.#frame(this.#mark());
    const sequence = this.#log?.sequence ?? 0;
    this.ring.push({ type: "guestEnded", end: { why: "done", code: 0 }, sequence });
  }

  /** A session's log begins with what is left of the machine's state: some of it is staged for main. */
  #capture(
    { session, generation, checkpointing, lastRound: { sequence, pagesPerFrame } }: StartLog,
  ): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#transfer = undefined;
    this.#dropLog();
    this.#close();
    this.#isCheckpointing = checkpointing;
    this.#wantsCheckpoints = undefined;
    const { machine, random } = this;
    // A forced point, where the guest was stopped between two exits.
    if (random.below(2) === 0) machine.point++;
    const pages = machine.read(new Set([...transfer.toSend, ...taken(transfer.written)]));
    const staged = pages.splice(0, random.pick([1, 3, Infinity]));
    this.ring.push({ answer: { type: "staged", session, pages: staged } });
    this.#log = {
      session,
      generation,
      sequence: sequence + Math.ceil(staged.length / pagesPerFrame),
      base: this.#mark(),
      written: transfer.written,
    };
    if (pages.length > 0) {
      this.#state(machine.point, SimSection.pages, encodePages(pages));
      this.#frame(this.#mark());
    }
    // In frames of their own or with what follows: whatever comes of them comes with the state.
    for (const output of machine.saveOutputs()) {
      this.#state(machine.point, SimSection.output, output);
      if (this.#events.length > 3 || random.below(3) === 0) this.#frame(this.#mark());
    }
    this.#state(machine.point, SimSection.rest, machine.save());
    this.#frame(this.#mark(), true);
  }

  #dropLog(): void {
    if (this.#log !== undefined) this.machine.forget(this.#log.written);
    this.#log = undefined;
    this.#events = [];
  }

  /** Logs the state instead of the way there: the backup stands at `from`, and runs nothing of it. */
  #change(from: Mark, outputs: readonly Output[]): void {
    const { machine, random } = this;
    const log = this.#log!;
    const pages = machine.read(taken(log.written));
    while (pages.length > 0) {
      const some = encodePages(pages.splice(0, PAGES_PER_SECTION));
      this.#state(from.through, SimSection.pages, some);
      if (random.below(4) === 0) this.#frame(from);
    }
    for (const output of outputs) {
      this.#state(from.through, SimSection.output, encodeStateOutput(output));
      if (random.below(4) === 0) this.#frame(from);
    }
    this.#state(from.through, SimSection.rest, machine.save());
    log.base = this.#mark();
    this.#frame(log.base);
  }

  #state(point: number, section: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#events.push({ kind: "state", point, section, bytes });
  }

  #mark(): Mark {
    const { point: through, digest, outputsHash, received: inputOffset } = this.machine;
    return { through, digest, outputsHash, inputOffset };
  }

  /** Hands over the outputs that wait, and the frame that covers them. */
  #close(): void {
    const outputs: Output[] = [];
    for (let sink = 0; sink < SINKS && this.#outputs.length > 0; sink++) {
      const output = joined(this.#outputs, sink, this.machine.point);
      if (output !== undefined) outputs.push(output);
    }
    this.#outputs = [];
    for (const output of outputs) this.ring.push({ type: "output", output });
    const log = this.#log;
    if (log === undefined) return;
    if (!this.#isCheckpointing) this.#frame(this.#mark());
    else if (log.base.through < this.machine.point) this.#change(log.base, outputs);
  }

  #frame({ through, digest, outputsHash, inputOffset }: Mark, completesState = false): void {
    const log = this.#log!;
    const { session, generation } = log;
    const sequence = ++log.sequence;
    for (const event of this.#events) encoder.event(event);
    this.#events = [];
    const bytes = encoder.close({
      generation,
      sequence,
      through,
      exitsChecksum: digest,
      outputsChecksum: outputsHash,
    });
    const ranUs = this.machine.clockUs;
    const frame = { session, sequence, through, inputOffset, ranUs, completesState, bytes };
    this.ring.push({ type: "frame", frame });
  }
}

/** What was written until now; from now on it counts anew. */
function taken(written: Set<number>): number[] {
  const pages = [...written];
  written.clear();
  return pages;
}

/** What waits for a sink, as one output; undefined: nothing does. */
function joined(outputs: readonly Output[], sink: number, point: number): Output | undefined {
  let first: Output | undefined;
  let length = 0;
  for (const output of outputs) {
    if (output.sink !== sink) continue;
    first ??= output;
    length += output.bytes.length;
  }
  if (first === undefined || first.bytes.length === length) return first && { ...first, point };
  const bytes = new Uint8Array(length);
  for (const output of outputs) {
    if (output.sink === sink) bytes.set(output.bytes, output.offset - first.offset);
  }
  return { sink, offset: first.offset, point, bytes };
}
