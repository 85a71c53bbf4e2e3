/**
 * The channel between main and a vCPU's thread: four rings, a doorbell, a board of figures.
 *
 * ```
 *   main ── commands ──▶ worker      control words; on a backup also the log's frames
 *   main ── input ─────▶ worker      console input, raw
 *   main ── frames ────▶ worker      network frames, a record each
 *   main ◀── notices ─── worker      outputs, frames, what happened
 *   main ◀── gauges ──── worker      execution point, clock: read at any time, written all the time
 *   main ◀── trail ───── worker      the last exits: looked into when a replay has diverged
 * ```
 *
 * The worker waits for anything from main at one place, the doorbell; main rings it after each write.
 */
import {
  commandRingBytes,
  frameRingBytes,
  inputRingBytes,
  noticeRingBytes,
} from "../base/limits.ts";
import { MemoryLoan } from "./memory_loan.ts";
import { ExitTrail } from "./exit_trail.ts";
import { Ring } from "./ring.ts";

/** What main hands to the worker that it starts. */
export interface ChannelBuffers {
  readonly commands: SharedArrayBuffer;
  readonly input: SharedArrayBuffer;
  readonly frames: SharedArrayBuffer;
  readonly notices: SharedArrayBuffer;
  readonly bell: SharedArrayBuffer;
  readonly gauges: SharedArrayBuffer;
  readonly loan: SharedArrayBuffer;
  readonly trail: SharedArrayBuffer;
}

/** The figures that a vCPU's thread keeps up to date, and one that main does. */
export const Gauge = {
  point: 0,
  clockUs: 1,
  events: 2,
  logBytes: 3,
  digestPoint: 4,
  inputOffset: 5,
  outputOffset: 6,
  digest: 7,
  digests: 8,
  /** 1: the machine's state was captured on another kind of host. */
  isOtherKind: 9,
  /** 1: the thread waits for main or for a time, and runs no guest. */
  parked: 10,
  /** Main's: the guest has computed since this execution point for a whole slice. */
  overduePoint: 11,
  /** Forced points that were taken. */
  forcedPoints: 12,
  /** State events that were logged in this session, but for the one that it begins with. */
  states: 13,
  /** Main's: the console's outputs below this offset are done. */
  doneOffset: 14,
  /** And the network card's. */
  netDoneOffset: 15,
  /** The network card's MAC address as a number, its first byte on top; 0: there is no card. */
  mac: 16,
} as const;
const GAUGES = 17;

/** By the sink's number. */
const DONE_GAUGES: readonly number[] = [Gauge.doneOffset, Gauge.netDoneOffset];

/** Word 0 of the bell counts its rings; this one says that all is over. */
const ABORT = 1;
/** And this one that a replay is of no use any more. */
const HALT = 2;

/** One end of the channel. */
export class Channel {
  readonly commands: Ring;
  readonly input: Ring;
  readonly frames: Ring;
  readonly notices: Ring;
  readonly gauges: Float64Array;
  /** Main's leave to read guest memory. */
  readonly loan: MemoryLoan;
  readonly trail: ExitTrail;
  readonly #bell: Int32Array;
  #heard = 0;

  private constructor(readonly buffers: ChannelBuffers) {
    this.commands = Ring.attach(buffers.commands);
    this.input = Ring.attach(buffers.input);
    this.frames = Ring.attach(buffers.frames);
    this.notices = Ring.attach(buffers.notices);
    this.#bell = new Int32Array(buffers.bell);
    this.gauges = new Float64Array(buffers.gauges);
    this.loan = new MemoryLoan(buffers.loan);
    this.trail = new ExitTrail(buffers.trail);
  }

  /** A new channel; main's end. */
  static create(): Channel {
    const channel = new Channel({
      commands: Ring.create(commandRingBytes).buffer,
      input: Ring.create(inputRingBytes).buffer,
      frames: Ring.create(frameRingBytes).buffer,
      notices: Ring.create(noticeRingBytes).buffer,
      bell: new SharedArrayBuffer(12),
      gauges: new SharedArrayBuffer(8 * GAUGES),
      loan: new SharedArrayBuffer(4),
      trail: new SharedArrayBuffer(ExitTrail.bytes),
    });
    channel.gauges[Gauge.overduePoint] = -1;
    return channel;
  }

  /** The worker's end. */
  static attach(buffers: ChannelBuffers): Channel {
    return new Channel(buffers);
  }

  /** Main: a sink's outputs below `offset` are done. Of a sink that no machine has nobody need know. */
  noteDone(sink: number, offset: number): void {
    const gauge = DONE_GAUGES[sink];
    if (gauge !== undefined) this.gauges[gauge] = offset;
  }

  /** Up to where a sink's outputs are done. */
  doneOffset(sink: number): number {
    return this.gauges[DONE_GAUGES[sink]!]!;
  }

  /** Main: tells the worker that something has been written. */
  ring(): void {
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  /** Main: tells the worker to stop at the next chance, whatever it still has to do. Kick it, too. */
  abort(): void {
    Atomics.store(this.#bell, ABORT, 1);
    this.ring();
  }

  /** Main: tells the worker to give up what it replays; a command says what then. Kick it, too. */
  halt(): void {
    Atomics.store(this.#bell, HALT, 1);
    this.ring();
  }

  /** Worker: whether it was told to give up what it replays. */
  get halted(): boolean {
    return Atomics.load(this.#bell, HALT) !== 0;
  }

  /** Worker: it has obeyed. */
  goOn(): void {
    Atomics.store(this.#bell, HALT, 0);
  }

  /** Worker: whether it was told to stop. */
  get aborted(): boolean {
    return Atomics.load(this.#bell, ABORT) !== 0;
  }

  /** Worker: from now on `wait` is about later rings. To be called before the rings are looked at. */
  hear(): void {
    this.#heard = Atomics.load(this.#bell, 0);
  }

  /** Worker: blocks until the bell has rung since `hear`, or for `timeoutMs`. */
  wait(timeoutMs = Infinity): void {
    this.gauges[Gauge.parked] = 1;
    Atomics.wait(this.#bell, 0, this.#heard, timeoutMs);
    this.gauges[Gauge.parked] = 0;
  }
}
