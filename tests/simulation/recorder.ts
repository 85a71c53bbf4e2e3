/**
 * A primary's vCPU thread: runs the machine, logs what enters it in frames of the production codec, and
 * hands outputs and frames to main through a bounded ring, each output before the frame that covers it.
 *
 * It does what primary/recorder.ts does, at the pace of the simulation.
 */
import { FrameEncoder, type LogEvent } from "../../codec/codec.ts";
import type { Output } from "../../protocol/output_gate.ts";
import type { PrimaryInput } from "../../protocol/primary.ts";
import type { Random } from "../support/random.ts";
import { encodePages, type Page, type SimMachine, SINKS } from "./machine.ts";
import type { SimProcess } from "./process.ts";
import type { TransferAnswer } from "./transfer.ts";

/** The end of a state transfer: the machine stops, and the log begins. */
interface StartLog {
  readonly type: "startLog";
  readonly session: number;
  readonly generation: number;
  readonly lastRound: { readonly sequence: number; readonly pagesPerFrame: number };
}

/** What it says to main: for the protocol, or an answer to a command. */
export type SimRecord = PrimaryInput | { readonly answer: TransferAnswer };

/** What main can ask of it. */
export type Command =
  | StartLog
  | { readonly type: "copy" | "takeDirty"; readonly session: number }
  | { readonly type: "stopLog" | "pause" | "resume" | "end" };

/** Records in the ring at most; a full ring makes the machine wait. */
const RING_RECORDS = 12;
/** Outputs that share a frame at most, but for those of one burst of exits. */
const BATCH_BYTES = 24;
/** One for all: a frame is encoded at one go. */
const encoder = new FrameEncoder();

interface Log {
  readonly session: number;
  readonly generation: number;
  sequence: number;
}

/** See the top of the file. */
export class SimRecorder {
  readonly ring: SimRecord[] = [];
  #commands: Command[] = [];
  #log: Log | undefined;
  #outputs: Output[] = [];
  /** Pages of a state transfer that main has not sent, as far as it is known here; undefined: there is none. */
  #toSend: Set<number> | undefined;
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
    for (let count = 1 + random.below(5); count > 0; count--) this.#exit();
    const waiting = this.#outputs.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (waiting >= BATCH_BYTES || random.below(3) !== 0) this.#close();
    this.#schedule(world.config.exitsMs * (0.2 + random.below(100) / 60));
  }

  #exit(): void {
    const { machine, random } = this;
    machine.run();
    const chance = random.below(8);
    const { point } = machine;
    if (chance < 2) {
      this.#enter({ kind: "time", point, clockUs: machine.clockUs + 1 + random.below(999) });
    } else if (chance === 2) {
      this.#enter({ kind: "data", point, device: 0, bytes: new Uint8Array([random.below(256)]) });
    }
    const output = machine.serve();
    if (output !== undefined) this.#outputs.push(output);
  }

  /** Something enters, and is written down. */
  #enter(event: LogEvent): void {
    if (this.#log !== undefined) this.#events.push(event);
    this.machine.enter(event);
  }

  #obey(command: Command): void {
    switch (command.type) {
      case "startLog":
        return this.#capture(command);
      case "stopLog":
        this.#log = undefined;
        this.#events = [];
        this.#toSend = undefined;
        return;
      case "copy":
        this.machine.written.clear();
        this.#toSend = new Set();
        return void this.ring.push({ answer: { type: "copying", session: command.session } });
      case "takeDirty": {
        if (this.#toSend === undefined) return;
        this.#toSend = new Set(this.machine.written);
        this.machine.written.clear();
        const { session } = command;
        return void this.ring.push({
          answer: { type: "dirty", session, pages: [...this.#toSend] },
        });
      }
      case "pause":
        this.#isPaused = true;
        this.#close();
        return void this.ring.push({ type: "paused", sequence: this.#log?.sequence ?? 0 });
      case "resume":
        this.#isPaused = false;
        return;
      case "end":
        this.machine.hasEnded = true;
    }
  }

  #noticeEnd(): void {
    if (this.#endNoticed) return;
    this.#endNoticed = true;
    const { point } = this.machine;
    this.#enter({ kind: "control", point, code: 2, bytes: new Uint8Array(0) });
    this.#close();
    const sequence = this.#log?.sequence ?? 0;
    this.ring.push({ type: "guestEnded", end: { why: "done", code: 0 }, sequence });
  }

  /** A session's log begins with what is left of the machine's state: some of it is staged for main. */
  #capture({ session, generation, lastRound: { sequence, pagesPerFrame } }: StartLog): void {
    if (this.#toSend === undefined) return;
    this.#log = undefined;
    this.#events = [];
    this.#close();
    const { machine, random } = this;
    // A forced point, where the guest was stopped between two exits.
    if (random.below(2) === 0) machine.point++;
    const left = [...new Set([...this.#toSend, ...machine.written])];
    this.#toSend = undefined;
    const pages = left.map((page): Page => [page, machine.memory[page]!]);
    const staged = pages.splice(0, random.pick([1, 3, Infinity]));
    this.ring.push({ answer: { type: "staged", session, pages: staged } });
    const framesBefore = sequence + Math.ceil(staged.length / pagesPerFrame);
    this.#log = { session, generation, sequence: framesBefore };
    if (pages.length > 0) {
      this.#state(1, encodePages(pages));
      this.#frame(false);
    }
    // In frames of their own or with what follows: whatever comes of them comes with the state.
    for (const output of machine.saveOutputs()) {
      this.#state(3, output);
      if (this.#events.length > 3 || random.below(3) === 0) this.#frame(false);
    }
    this.#state(2, machine.save());
    this.#frame(true);
  }

  #state(section: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#events.push({ kind: "state", point: this.machine.point, section, bytes });
  }

  /** Hands over the outputs that wait, and the frame that covers them. */
  #close(): void {
    const outputs = this.#outputs;
    for (let sink = 0; sink < SINKS && outputs.length > 0; sink++) {
      const output = joined(outputs, sink, this.machine.point);
      if (output !== undefined) this.ring.push({ type: "output", output });
    }
    this.#outputs = [];
    if (this.#log !== undefined) this.#frame(false);
  }

  #frame(completesState: boolean): void {
    const { machine } = this;
    const log = this.#log!;
    const sequence = ++log.sequence;
    for (const event of this.#events) encode(event);
    this.#events = [];
    const bytes = encoder.close({
      generation: log.generation,
      sequence,
      through: machine.point,
      exitsChecksum: BigInt(machine.hash),
      outputsChecksum: BigInt(machine.outputsHash),
    });
    const { session } = log;
    const { point: through, received: inputOffset } = machine;
    const ranUs = machine.clockUs;
    const frame = { session, sequence, through, inputOffset, ranUs, completesState, bytes };
    this.ring.push({ type: "frame", frame });
  }
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

function encode(event: LogEvent): void {
  const { point } = event;
  switch (event.kind) {
    case "time":
      return encoder.time(point, event.clockUs);
    case "data":
      return encoder.data(point, event.device, event.bytes);
    case "state":
      return encoder.state(point, event.section, event.bytes);
    case "control":
      return encoder.control(point, event.code, event.bytes);
  }
}
