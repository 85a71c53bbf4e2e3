/**
 * Main's handle of a vCPU's thread: starts the worker, sends commands, hands out what it says.
 *
 * A worker that blocks in `Atomics.wait` or in KVM_RUN can't be terminated from outside without harm,
 * so that it always finishes by itself: on a `quit` command, or by an error of its own. The last thing
 * that it says is `gone`. Its thread stays, idle, until main has heard that: a kick that crosses with it
 * would else hit no thread, or another one that got its number.
 */
import { DefectError } from "../base/assert.ts";
import { ExitCode, type ExitCodeValue, UnderstudyError } from "../base/errors.ts";
import { vcpuNiceness } from "../base/limits.ts";
import { HostMemory } from "../ffi/host_memory.ts";
import { kick, type KickTarget, prepareKicks } from "../ffi/kick.ts";
import { giveWay } from "../ffi/priority.ts";
import { Channel, type ChannelBuffers, Gauge } from "./channel.ts";
import { GuestMemory } from "./guest_memory.ts";
import type { Machine } from "./machine.ts";
import { encodeMessageRecord, RecordKind } from "./records.ts";
import type { Ring, RingRecord } from "./ring.ts";

/** What a worker is started with. */
export interface ThreadStart<Config> {
  readonly buffers: ChannelBuffers;
  readonly config: Config;
}

/** An error on its way from one thread to another. */
export interface ThreadFailure {
  readonly name: string;
  readonly message: string;
  readonly exitCode: ExitCodeValue;
}

/** The machine is there. */
export interface ReadyNotice {
  readonly type: "ready";
  /** How to kick its thread. */
  readonly kickTarget: KickTarget;
  /** Where guest memory is in this process, and how large. */
  readonly memory: { readonly address: number; readonly bytes: number };
}

/** What every vCPU's thread says about itself. */
export type ThreadNotice =
  | ReadyNotice
  /** The thread is about to end; `failure` says why if it was not told to. */
  | { readonly type: "gone"; readonly failure?: ThreadFailure };

/** The error that a thread died of, in this thread. */
class FailedThreadError extends UnderstudyError {
  readonly exitCode: ExitCodeValue;
  readonly #name: string;
  constructor({ name, message, exitCode }: ThreadFailure) {
    super(message);
    this.#name = name;
    this.exitCode = exitCode;
  }
  override get name(): string {
    return this.#name;
  }
}

/** One vCPU's thread. What it is told depends on what it does now: a takeover changes that. */
export class VcpuThread {
  readonly channel = Channel.create();
  readonly #worker: Worker;
  #pendingCommands: Promise<void> | undefined;
  #pendingInput: Promise<void> | undefined;
  #pendingFrames: Promise<void> | undefined;
  #kickTarget: KickTarget | undefined;
  #memory: GuestMemory | undefined;

  /**
   * Starts a worker.
   * @param module the worker's script, which calls `serveThread`
   * @param config what the worker is told at its start: structured-cloneable
   */
  constructor(module: URL, config: unknown) {
    this.#worker = new Worker(module, { type: "module" });
    this.#worker.addEventListener("error", (event) => {
      // Only what failed before `serveThread` could catch it, such as a module that does not load.
      event.preventDefault();
      const failure = failureOf(new DefectError(event.message));
      const notice: ThreadNotice = { type: "gone", failure };
      this.channel.notices.tryWrite(RecordKind.message, encodeMessageRecord(notice));
    });
    const start: ThreadStart<unknown> = { buffers: this.channel.buffers, config };
    this.#worker.postMessage(start);
  }

  /** To be called with what the thread says once its machine is there: from now on it can be kicked. */
  noteReady({ kickTarget, memory: { address, bytes } }: ReadyNotice): void {
    this.#kickTarget = kickTarget;
    this.#memory = new GuestMemory(HostMemory.view(BigInt(address), bytes).bytes);
  }

  /** The guest's memory, to be read by who has the channel's loan; undefined before the machine is there. */
  get memory(): GuestMemory | undefined {
    return this.#memory;
  }

  /** Sends a command, and has it noticed though the guest may not exit by itself. */
  async command(command: { readonly type: string }): Promise<void> {
    await this.write(RecordKind.message, encodeMessageRecord(command));
    this.nudge();
  }

  /** Has a guest that does not exit by itself stop for a moment, so that the thread can look at the time. */
  nudge(): void {
    if (this.#kickTarget !== undefined) kick(this.#kickTarget);
  }

  /** Has the guest stopped where it is: it has computed since the execution point `point` without an exit. */
  interrupt(point: number): void {
    this.channel.gauges[Gauge.overduePoint] = point;
    this.nudge();
  }

  /** Writes a record for the worker, once there is room; records go in the order of the calls. */
  write(kind: number, body: Uint8Array): Promise<void> {
    return this.#pendingCommands = this.#deliver(
      this.channel.commands,
      kind,
      body,
      this.#pendingCommands,
    );
  }

  /** Hands console input to the machine, once there is room; in the order of the calls. */
  input(bytes: Uint8Array): Promise<void> {
    return this.#pendingInput = this.#deliver(
      this.channel.input,
      RecordKind.input,
      bytes,
      this.#pendingInput,
    );
  }

  /** Hands a network frame to the machine, once there is room; in the order of the calls. */
  frame(frame: Uint8Array): Promise<void> {
    return this.#pendingFrames = this.#deliver(
      this.channel.frames,
      RecordKind.input,
      frame,
      this.#pendingFrames,
    );
  }

  /** The next record that the worker wrote. */
  async read(): Promise<RingRecord> {
    const { notices } = this.channel;
    for (;;) {
      const record = notices.tryRead();
      if (record !== undefined) return record;
      await notices.readable();
    }
  }

  async #deliver(
    ring: Ring,
    kind: number,
    body: Uint8Array,
    earlier: Promise<void> | undefined,
  ): Promise<void> {
    await earlier;
    while (!ring.tryWrite(kind, body)) await ring.writable(body.length);
    this.channel.ring();
  }

  /** To be called once the thread has said `gone`: ends it; it can't be kicked any more. */
  retire(): void {
    this.#kickTarget = undefined;
    this.#worker.terminate();
  }
}

/** The error that `failure` stands for. */
export function errorOf(failure: ThreadFailure): Error {
  return new FailedThreadError(failure);
}

function failureOf(error: unknown): ThreadFailure {
  if (error instanceof UnderstudyError) {
    return { name: error.name, message: error.message, exitCode: error.exitCode };
  }
  const { name, message, stack } = error as Error;
  return { name, message: stack ?? message, exitCode: ExitCode.defect };
}

/** What a thread with this machine says once it is there. */
export function readyNotice({ vcpu, memoryAddress, memory }: Machine): ReadyNotice {
  const { length } = memory.bytes;
  const kickTarget = prepareKicks(vcpu);
  return { type: "ready", kickTarget, memory: { address: Number(memoryAddress), bytes: length } };
}

/**
 * The worker's side: waits for its start, runs `serve` to its end, and says `gone`.
 * `serve` may block the thread for as long as the machine lives.
 */
export function serveThread<Config>(serve: (channel: Channel, config: Config) => void): void {
  const scope = globalThis as unknown as {
    onmessage: ((event: MessageEvent<ThreadStart<Config>>) => void) | null;
  };
  scope.onmessage = ({ data }) => {
    const channel = Channel.attach(data.buffers);
    let notice: ThreadNotice = { type: "gone" };
    try {
      giveWay(vcpuNiceness);
      serve(channel, data.config);
    } catch (error) {
      notice = { type: "gone", failure: failureOf(error) };
    }
    channel.notices.writeBlocking(RecordKind.message, encodeMessageRecord(notice));
  };
}
