/**
 * A backup at work: one session from its connection to its end. Drives the protocol with what happens, and
 * carries its effects out.
 *
 * A session ends in one of three ways: the side halts, it has to join anew (`follow.ts` does that with a
 * fresh one of these), or it goes live and hands its parts over to a primary.
 */
import { checkMachineId } from "../arbiter/arbiter.ts";
import { Claimer } from "../arbiter/claimer.ts";
import { FrameDecoder } from "../codec/codec.ts";
import { ExitCode, PeerError } from "../base/errors.ts";
import { helloTimeoutMs, tickMaxMs } from "../base/limits.ts";
import type { Bytes } from "../base/layout.ts";
import type { Say } from "../base/reporter.ts";
import { goodbye } from "../link/goodbye.ts";
import type { FrameLink } from "../link/link.ts";
import { Gauge } from "../machine/channel.ts";
import { checkMemoryBytes } from "../machine/guest_memory.ts";
import { decodeMessageRecord, readOutput, RecordKind } from "../machine/records.ts";
import type { RingRecord } from "../machine/ring.ts";
import { errorOf, type ThreadNotice, VcpuThread } from "../machine/vcpu_thread.ts";
import {
  type BackupEffect,
  type BackupInput,
  BackupProtocol,
  type BackupRules,
  type Divergence,
} from "../protocol/backup.ts";
import { reportPeriodMs } from "../protocol/join.ts";
import type { Message, MessageOf } from "../protocol/messages.ts";
import { CONSOLE_SINK, type Output } from "../protocol/output_gate.ts";
import type { Halt } from "../protocol/types.ts";
import { parseVerify, verifyDefault } from "../protocol/verify.ts";
import { frameOf, fromPrimary } from "../protocol/wire.ts";
import type { Network } from "../network/network.ts";
import type { Sink } from "../sinks/sink.ts";
import type { DivergenceDetails, ReplayCommand, ReplayNotice } from "./replay_thread_messages.ts";
import type { DivergenceReporter } from "./divergence_reporter.ts";
import { DivergenceWatch } from "./divergence_watch.ts";
import { statusOf } from "./backup_status.ts";
import { comparisonOf, digestsEqual } from "./comparison.ts";
import { StallWatch } from "./stall_watch.ts";
import { TakeoverTimes } from "./takeover_times.ts";
import { TransferProgress } from "./transfer_progress.ts";
import { outcomeOf, type SessionParts } from "./takeover.ts";
import type { BackupThreadConfig } from "./vcpu_worker.ts";

/** What a session needs; it takes the link over, the rest is lent. */
export interface BackupParts {
  readonly link: FrameLink;
  readonly rules: BackupRules;
  /** Of this host; see machine/host_kind.ts. */
  readonly hostKind: number;
  /** The claimer for this machine. */
  claimerFor(machineId: string): Claimer;
  /** The sink for this machine; the same one at every session. */
  sinkFor(machineId: string): Sink;
  /** Where this side's machine will be reached once it is live; undefined: nowhere. */
  readonly network: Network | undefined;
  /** Describes divergences; the same one at every session. */
  readonly reporter: DivergenceReporter;
  readonly say: Say;
}

/** How a session ended. */
export type SessionEnd =
  | ({ readonly type: "halt" } & Halt)
  | { readonly type: "rejoin"; readonly why: string; readonly diverged: boolean }
  | ({ readonly type: "live" } & SessionParts);

/** One session of a backup. */
export class BackupSide {
  readonly #parts: BackupParts;
  readonly #protocol: BackupProtocol;
  readonly #ended = Promise.withResolvers<SessionEnd>();
  readonly #decoder = new FrameDecoder();
  #transferProgress: TransferProgress;
  #thread: VcpuThread | undefined;
  #threadRead: Promise<void> | undefined;
  #sink: Sink | undefined;
  #claimer: Claimer | undefined;
  #sinkTail: Promise<void> = Promise.resolve();
  #ticker: ReturnType<typeof setInterval> | undefined;
  #isOver = false;
  #logBytes = 0;
  #sequence = 0;
  readonly #stall = new StallWatch();
  readonly #watch: DivergenceWatch;
  readonly #times = new TakeoverTimes();

  constructor(parts: BackupParts) {
    this.#parts = parts;
    this.#protocol = new BackupProtocol(parts.rules);
    this.#transferProgress = new TransferProgress(parts.say, "join");
    this.#watch = new DivergenceWatch(parts.reporter, parts.rules.who);
  }

  /** Runs the session to its end. Unless it goes live, all that it made is given back. */
  async run(): Promise<SessionEnd> {
    const { say } = this.#parts;
    this.#tickEvery(tickMaxMs);
    const received = this.#receive();
    this.step({ type: "connected" });
    const end = await this.#ended.promise;
    this.#isOver = true;
    clearInterval(this.#ticker);
    this.#parts.reporter.finish();
    const closed = this.#closeLink(received);
    await this.#sinkTail;
    // A primary that hangs must not hold up the takeover: the link closes in its own time.
    if (end.type === "live") return end;
    await closed;
    if (this.#thread !== undefined) {
      this.#thread.channel.abort();
      this.#tell({ type: "quit" });
      await this.#threadRead;
      const { gauges } = this.#thread.channel;
      const comparison = comparisonOf(gauges[Gauge.isOtherKind] === 1);
      const digests = digestsEqual(gauges[Gauge.digests]!, comparison);
      say(`replayed up to ${gauges[Gauge.point]}, ${digests}`);
    }
    return end;
  }

  /** Sends what waits, then closes; `received` ends with that. */
  async #closeLink(received: Promise<void>): Promise<void> {
    using _decoder = this.#decoder;
    await goodbye(this.#parts.link);
    await received;
  }

  /** Takes leave of the primary. */
  leave(why: string): void {
    this.step({ type: "leave", why });
  }

  /** Whether a primary let it join. */
  get wasWelcome(): boolean {
    return this.#protocol.welcome !== undefined;
  }

  /** Figures for the status address. */
  status(): Record<string, unknown> {
    return statusOf(this.#protocol, {
      gauges: this.#thread?.channel.gauges,
      logBytes: this.#logBytes,
      transfer: this.#transferProgress.status(),
    });
  }

  /** Something happened. */
  step(input: BackupInput): void {
    if (this.#isOver) return;
    const nowMs = performance.now();
    try {
      if (input.type === "output") this.#watchNetwork(input.output);
      for (const effect of this.#protocol.step(input, Math.floor(nowMs))) this.#carryOut(effect);
    } catch (error) {
      // What breaks the protocol is the protocol's to see: this is a defect.
      return this.#fail(error as Error);
    }
    this.#showTransfer(input.type === "message" ? input.message.type : input.type, nowMs);
  }

  #showTransfer(what: BackupInput["type"] | Message["type"], nowMs: number): void {
    const { transfer, isProtected } = this.#protocol;
    if (what === "renewing") this.#transferProgress = new TransferProgress(this.#parts.say, "heal");
    else if (what === "transfer" && transfer !== undefined) {
      this.#transferProgress.update(transfer, nowMs);
    } else if ((what === "protected" || what === "state") && isProtected) {
      this.#transferProgress.finish();
    }
  }

  #watchNetwork({ sink, bytes }: Output): void {
    if (sink !== CONSOLE_SINK) this.#parts.network?.watch(bytes as Bytes);
  }

  #carryOut(effect: BackupEffect): void {
    const { link, say } = this.#parts;
    this.#times.note(effect.type);
    switch (effect.type) {
      case "send": {
        const generation = this.#protocol.welcome?.generation ?? 0;
        const frame = frameOf(effect.message, generation, ++this.#sequence);
        return void link.send(frame).catch(() => {});
      }
      case "close":
        return void goodbye(link);
      case "prepare":
        return this.#prepare(effect.welcome);
      case "feed":
        return void this.#thread!.write(RecordKind.log, effect.frame.bytes);
      case "done": {
        const { sink: number, offset, bytes } = effect.output;
        // Whoever has a network frame has it; the console's bytes may be kept here as well.
        if (number !== CONSOLE_SINK) return;
        return this.#enqueue((sink) => sink.done(offset, bytes as Bytes));
      }
      case "drain":
        return this.#tell({ type: "drain" });
      case "diverged": {
        const { welcome, phase } = this.#protocol;
        const { channel } = this.#thread!;
        return this.#watch.describe(effect.divergence, channel, welcome!, phase !== "diverged");
      }
      case "recorded": {
        const where = this.#watch.compare(effect.point, effect.exit, this.#thread!.channel);
        return where === undefined ? undefined : this.step({ type: "reported", where });
      }
      case "renew":
        // A guest that does not come to its next exit is stopped as well.
        this.#thread!.channel.halt();
        return this.#tell({ type: "renew" });
      case "claim":
        return void this.#claim(effect.generation);
      case "goLive":
        return void this.#goLive(effect.generation, effect.kept);
      case "report":
        return say(effect.text);
      case "rejoin":
      case "halt":
        return this.#ended.resolve(effect);
    }
  }

  #tell(command: ReplayCommand): void {
    this.#thread!.command(command).catch((error: Error) => this.#fail(error));
  }

  #prepare(welcome: MessageOf<"welcome">): void {
    try {
      this.#sink = this.#parts.sinkFor(welcome.machineId);
      this.#claimer = this.#parts.claimerFor(welcome.machineId);
    } catch (error) {
      return this.#fail(error as Error);
    }
    const module = new URL("./vcpu_worker.ts", import.meta.url);
    const config: BackupThreadConfig = {
      memoryBytes: welcome.memoryBytes,
      hostKind: this.#parts.hostKind,
    };
    this.#thread = new VcpuThread(module, config);
    this.#threadRead = this.#readThread(this.#thread);
  }

  /** What the sink is told has to wait for what it was told before. */
  #enqueue(work: (sink: Sink) => Promise<void>): void {
    const sink = this.#sink!;
    this.#sinkTail = this.#sinkTail.then(() => work(sink)).catch((error) => this.#fail(error));
  }

  async #receive(): Promise<void> {
    const { link } = this.#parts;
    let why = "closed by the other side";
    try {
      let timeoutMs: number | undefined = helloTimeoutMs;
      for (;;) {
        const frame = await link.receive(timeoutMs === undefined ? {} : { timeoutMs });
        if (frame === undefined) break;
        timeoutMs = undefined;
        this.#takeFrame(frame);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      why = error.message;
    }
    this.step({ type: "closed", why });
  }

  #takeFrame(bytes: Bytes): void {
    if (this.#isOver) return;
    const input = fromPrimary(bytes, this.#decoder);
    if (input.type === "frame") this.#logBytes += bytes.length;
    else if (input.message.type === "done") {
      this.#thread?.channel.noteDone(input.message.sink, input.message.offset);
    } else if (input.message.type === "welcome") {
      checkWelcome(input.message);
      this.#tickEvery(Math.min(reportPeriodMs(input.message) / 2, tickMaxMs));
    }
    this.step(input);
  }

  async #readThread(thread: VcpuThread): Promise<void> {
    for (;;) {
      const notice = this.#takeRecord(await thread.read());
      if (notice?.type === "gone") {
        thread.retire();
        if (notice.failure !== undefined) this.#fail(errorOf(notice.failure));
        return;
      }
      const isWaiting = notice?.type === "drained" || notice?.type === "diverged";
      if (isWaiting && this.#protocol.phase !== "diverged") {
        // What the thread says after this, it says to the primary that takes over, if one does.
        const end = await this.#ended.promise;
        if (end.type === "live") return;
      }
    }
  }

  #takeRecord({ kind, body }: RingRecord): ReplayNotice | ThreadNotice | undefined {
    if (kind === RecordKind.output) {
      this.step({ type: "output", output: readOutput(body) });
      return undefined;
    }
    if (kind === RecordKind.hashes) return void this.#watch.addHashes(body);
    const notice = decodeMessageRecord<ReplayNotice | ThreadNotice>(body);
    switch (notice.type) {
      case "ready":
        this.#thread!.noteReady(notice);
        break;
      case "replayed":
      case "drained":
      case "state":
        this.step(notice);
        break;
      case "diverged":
        this.#diverge(notice.divergence, notice.details);
        break;
      case "renewed":
        this.step({ type: "renewed", hashes: this.#watch.takeHashes() });
        break;
    }
    return notice;
  }

  #tickEvery(milliseconds: number): void {
    clearInterval(this.#ticker);
    this.#ticker = setInterval(() => this.#tick(), milliseconds);
  }

  #tick(): void {
    const point = this.#thread?.channel.gauges[Gauge.point] ?? 0;
    const stall = this.#stall.look(point, this.#protocol.progress, performance.now());
    if (stall !== undefined) this.#diverge(stall);
    this.step({ type: "tick" });
  }

  #diverge(divergence: Divergence, details?: DivergenceDetails): void {
    const { channel } = this.#thread!;
    const { point } = this.#protocol.progress;
    const noticed = this.#watch.noticed(divergence, channel, point, details);
    this.step({ type: "diverged", divergence: noticed });
  }

  async #claim(generation: number): Promise<void> {
    try {
      const outcome = outcomeOf(await this.#claimer!.claim(generation, false));
      this.step({ type: "claimed", generation, outcome });
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #goLive(generation: number, kept: readonly Output[]): Promise<void> {
    const sink = this.#sink!;
    const thread = this.#thread!;
    await this.#sinkTail;
    try {
      const { gauges } = thread.channel;
      const first = kept.find((output) => output.sink === CONSOLE_SINK);
      const outputOffset = first?.offset ?? gauges[Gauge.outputOffset]!;
      await sink.goLive(outputOffset, gauges[Gauge.inputOffset]!, generation);
      const verify = parseVerify(this.#protocol.welcome!.verify) ?? verifyDefault;
      this.#parts.network?.goLive(thread.channel, true);
      this.#tell({ type: "goLive", wallMs: Date.now(), verify });
    } catch (error) {
      return this.#fail(error as Error);
    }
    const { welcome } = this.#protocol;
    const claimer = this.#claimer!;
    this.#ended.resolve({
      type: "live",
      welcome: welcome!,
      generation,
      kept,
      thread,
      sink,
      network: this.#parts.network,
      claimer,
      times: this.#times,
    });
  }

  /** What this side can't go on from. */
  #fail(error: Error & { exitCode?: Halt["code"] }): void {
    const code = error.exitCode ?? ExitCode.defect;
    this.#ended.resolve({ type: "halt", code, why: error.message });
  }
}

/** @throws PeerError unless there can be such a machine: before anything is made for it */
function checkWelcome({ machineId, memoryBytes }: MessageOf<"welcome">): void {
  try {
    checkMachineId(machineId);
    checkMemoryBytes(memoryBytes);
  } catch (cause) {
    throw new PeerError(`a welcome to what is no machine: ${(cause as Error).message}`, { cause });
  }
}
