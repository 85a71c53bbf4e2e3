/**
 * Runs a bundled guest in its own vCPU thread and has its state transferred in rounds meanwhile, as a primary does:
 * the real driver, the real thread; the frames are kept instead of sent. Transfers can be broken off anywhere.
 *
 * Called by transfer_test.ts.
 */
import { Gauge } from "../../machine/channel.ts";
import { hostKind } from "../../machine/host_kind.ts";
import type { GuestEnd } from "../../machine/machine.ts";
import {
  decodeMessageRecord,
  type OutputRecord,
  readDirty,
  readFrame,
  readOutput,
  readStaged,
  RecordKind,
} from "../../machine/records.ts";
import { errorOf, type ThreadNotice, VcpuThread } from "../../machine/vcpu_thread.ts";
import { PreCopy } from "../../primary/pre_copy.ts";
import type { Verify } from "../../protocol/verify.ts";
import type { RecorderCommand, RecorderNotice } from "../../primary/recorder_messages.ts";
import { Slicer } from "../../primary/slicer.ts";
import type { PrimaryThreadConfig } from "../../primary/vcpu_worker.ts";
import { FrameOrder } from "../../protocol/frame_order.ts";
import type { LoggedFrame } from "../../protocol/primary.ts";
import type { Random } from "./random.ts";
import { EPOCH_MS } from "./record.ts";

/** What to run, and how it is transferred. */
export interface TransferOptions {
  readonly guest: string;
  readonly commandLine: string;
  readonly memoryBytes: number;
  /** Execution points between two digests in the log. */
  readonly verify?: Verify;
  /** Asked after each output, with all output so far: what to type now, if anything. */
  readonly input?: (output: string) => string | undefined;
  /** Transfers, one after the other. */
  readonly transfers: number;
  /** How many of them, on average, of ten are broken off. */
  readonly brokenOfTen: number;
  readonly stagingPages?: number;
  /** Log states instead of events, and let outputs wait for so long. */
  readonly epochLengthMs?: number;
  /** Pages in a frame at most, and how often in a hundred there is no room for a while. */
  readonly framePages: number;
  readonly stalls: number;
  /** How often in a hundred, when it is asked, the guest has to stand still for the rest of the transfer. */
  readonly stands?: number;
}

/** A log that begins with a state that was transferred in rounds. */
export interface TransferredLog {
  /** In order. */
  readonly frames: Uint8Array[];
  /** Rounds that it took, and how long the machine stood still, in microseconds. */
  readonly rounds: number;
  readonly stopUs: number;
}

/** What came of it. */
export interface Transfers {
  /** Those that came to their end. */
  readonly logs: readonly TransferredLog[];
  readonly broken: number;
  readonly output: Uint8Array<ArrayBuffer>;
  readonly end: GuestEnd;
  readonly points: number;
  /** Of which forced. */
  readonly forcedPoints: number;
}

/** Stops a guest that computes for so long without an exit. */
const SLICE_MS = 5;

/** Runs a guest to its end, with transfers on the way. @throws whatever its thread died of */
export async function transferWhileRunning(
  options: TransferOptions,
  random: Random,
): Promise<Transfers> {
  const { guest, commandLine, memoryBytes } = options;
  const image = Deno.readFileSync(new URL(`../../guests/images/${guest}.elf`, import.meta.url));
  const config: PrimaryThreadConfig = {
    image,
    name: guest,
    commandLine,
    memoryBytes,
    epochMs: EPOCH_MS,
    hostKind: hostKind(),
    startPaused: false,
    verify: options.verify ?? 500,
  };
  const thread = new VcpuThread(new URL("../../primary/vcpu_worker.ts", import.meta.url), config);
  using _slicer = new Slicer(thread, SLICE_MS);
  try {
    return await new Run(thread, options, random).toEnd();
  } finally {
    thread.retire();
  }
}

/** A transfer that is under way, and its log. */
interface Session {
  readonly number: number;
  readonly order: FrameOrder;
  readonly frames: Uint8Array[];
  readonly transfer: PreCopy;
  isWhole: boolean;
}

class Run {
  readonly #logs: TransferredLog[] = [];
  readonly #outputs: Uint8Array<ArrayBuffer>[] = [];
  readonly #decoder = new TextDecoder();
  #text = "";
  #session: Session | undefined;
  #sessions = 0;
  #broken = 0;
  #points = 0;
  #end: GuestEnd | undefined;
  #fault: Error | undefined;

  constructor(
    private readonly thread: VcpuThread,
    private readonly options: TransferOptions,
    private readonly random: Random,
  ) {}

  async toEnd(): Promise<Transfers> {
    for (;;) {
      const { kind, body } = await this.thread.read();
      if (this.#fault !== undefined) throw this.#fault;
      if (kind === RecordKind.output) await this.#put(readOutput(body));
      else if (kind === RecordKind.frame) this.#take(readFrame(body));
      else if (kind === RecordKind.dirty) this.#hear({ type: "dirty", ...readDirty(body) });
      else if (kind === RecordKind.staged) this.#hear({ type: "staged", ...readStaged(body) });
      else if (this.#notice(decodeMessageRecord<ThreadNotice | RecorderNotice>(body))) break;
    }
    await this.#session?.transfer.done;
    const output = new Uint8Array(await new Blob(this.#outputs).arrayBuffer());
    const [logs, broken, points, end] = [this.#logs, this.#broken, this.#points, this.#end!];
    const forcedPoints = this.thread.channel.gauges[Gauge.forcedPoints]!;
    return { logs, broken, output, end, points, forcedPoints };
  }

  async #put({ offset, bytes }: OutputRecord): Promise<void> {
    this.#outputs.push(bytes as Uint8Array<ArrayBuffer>);
    this.thread.channel.gauges[Gauge.doneOffset] = offset + bytes.length;
    this.#text += this.#decoder.decode(bytes, { stream: true });
    const typed = this.options.input?.(this.#text);
    if (typed !== undefined) await this.thread.input(new TextEncoder().encode(typed));
  }

  /** @returns whether that was the thread's last word */
  #notice(notice: ThreadNotice | RecorderNotice): boolean {
    switch (notice.type) {
      case "ready":
        this.thread.noteReady(notice);
        this.#begin();
        return false;
      case "copying":
      case "captured":
        this.#hear(notice);
        return false;
      case "logStopped":
        this.#session?.transfer.noteLogStopped(notice.session);
        return false;
      case "ended":
        this.#end = notice.end;
        void this.#quit();
        return false;
      case "gone":
        this.#session?.transfer.noteGone();
        if (notice.failure !== undefined) throw errorOf(notice.failure);
        return true;
      default:
        return false;
    }
  }

  /** The last log's rest comes before that. */
  async #quit(): Promise<void> {
    const session = this.#session;
    if (session?.isWhole) await session.transfer.done;
    else session?.transfer.stop();
    this.#keep();
    this.#tell({ type: "quit" });
  }

  #begin(): void {
    const { random, options: { stagingPages, epochLengthMs } } = this;
    const number = ++this.#sessions;
    const before = this.#session;
    const transfer = new PreCopy({
      thread: this.thread,
      session: number,
      generation: 1,
      rules: () => ({
        frameAgeMs: 20,
        checkpointing: epochLengthMs !== undefined,
        epochLengthMs: epochLengthMs ?? 1,
      }),
      room: () => this.#room(),
      unappliedBytes: () => 0,
      mustStand: () => random.below(100) < (this.options.stands ?? 0),
      step: (input) => {
        if (input.type === "pages") this.#take(input.frame);
      },
      tell: (command) => this.#tell(command),
      fail: (error) => this.#fault = error,
      ...(stagingPages === undefined ? {} : { stagingPages }),
    }, before?.transfer);
    this.#session = { number, order: new FrameOrder(), frames: [], transfer, isWhole: false };
    if (random.below(10) < this.options.brokenOfTen) {
      setTimeout(() => this.#breakOff(number), random.below(60));
    }
  }

  #breakOff(number: number): void {
    const session = this.#session!;
    if (session.number !== number || session.isWhole || this.#end !== undefined) return;
    this.#broken++;
    session.transfer.stop();
    this.#tell({ type: "stopLog", session: number, heals: false });
    this.#begin();
  }

  #room(): number {
    const { random, options: { stalls, framePages } } = this;
    if (random.below(100) >= stalls) return 4096 * (1 + random.below(framePages));
    setTimeout(() => this.#session!.transfer.wake(), random.below(5));
    return 0;
  }

  #take(frame: LoggedFrame): void {
    const session = this.#session;
    if (session === undefined || session.number !== frame.session) return;
    for (const next of session.order.take(frame)) {
      session.frames.push(next.bytes);
      session.isWhole ||= next.completesState;
      this.#points = Math.max(this.#points, next.through);
    }
    // Some of its log, too; then the next one.
    const enough = session.isWhole && session.frames.length > 40 + this.random.below(40);
    if (!enough || this.#sessions >= this.options.transfers || this.#end !== undefined) return;
    this.#keep();
    session.transfer.stop();
    this.#tell({ type: "stopLog", session: session.number, heals: false });
    this.#begin();
  }

  #keep(): void {
    const session = this.#session;
    if (session === undefined || !session.isWhole) return;
    const { round: rounds, stopUs } = session.transfer.transfer;
    this.#logs.push({ frames: session.frames, rounds, stopUs });
  }

  #hear(answer: Parameters<PreCopy["hear"]>[0]): void {
    this.#session?.transfer.hear(answer);
  }

  #tell(command: RecorderCommand): void {
    this.thread.command(command).catch((error: Error) => this.#fault = error);
  }
}
