/**
 * A primary at work: drives the protocol with what happens, and carries its effects out.
 *
 * ```
 *   vCPU's thread ── outputs, frames ──▶ ┐
 *   logging channel ── messages ───────▶ ├─ step ─▶ effects ─▶ channel, sink, arbiter, thread
 *   sink, arbiter, clock ── results ───▶ ┘
 * ```
 *
 * A fresh primary is wired by `start.ts`; a backup that takes over makes one of its own parts
 * (backup/takeover.ts). All decisions are the protocol's.
 */
import { DefectError } from "../base/assert.ts";
import { ExitCode, UnavailableError } from "../base/errors.ts";
import { frameAgeMaxMs, suspendAfterMs, tickMaxMs } from "../base/limits.ts";
import { Gauge } from "../machine/channel.ts";
import {
  decodeMessageRecord,
  readDirty,
  readFrame,
  readOutput,
  readStaged,
  RecordKind,
} from "../machine/records.ts";
import type { RingRecord } from "../machine/ring.ts";
import { errorOf, type ThreadNotice } from "../machine/vcpu_thread.ts";
import { reportPeriodMs } from "../protocol/join.ts";
import { CONSOLE_SINK } from "../protocol/output_gate.ts";
import type { PrimaryEffect, PrimaryInput, PrimaryProtocol } from "../protocol/primary.ts";
import type { Halt } from "../protocol/types.ts";
import { outcomeOf } from "./claim_outcome.ts";
import { AckLatency } from "./latency.ts";
import type { Interposer, PrimaryParts } from "./primary_parts.ts";
import { statusOf, type TakeoverFigures } from "./primary_status.ts";
import { recalled } from "./recall.ts";
import type { LogRules, RecorderCommand, RecorderNotice } from "./recorder_messages.ts";
import { Retirement } from "./retirement.ts";
import { parseSettings, settingsText } from "./settings.ts";
import { sliceOf, Slicer } from "./slicer.ts";
import { StateTransfers } from "./state_transfers.ts";
import { Throttle } from "./throttle.ts";

export type { Interposer, PrimaryParts };

/** One primary. */
export class PrimarySide {
  readonly #parts: PrimaryParts;
  readonly #protocol: PrimaryProtocol;
  readonly #halted = Promise.withResolvers<Halt>();
  readonly #ackLatency = new AckLatency();
  readonly #throttle: Throttle;
  readonly #transfers: StateTransfers;
  /** The share that the vCPU's thread was last told. */
  #toldShare = 0;
  #performedOutputs = 0;
  #doneOutputs = 0;
  #wake: (() => void) | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #isOver = false;
  #guestEnded = false;
  #claimingSinceMs: number | undefined;
  readonly #retirement: Retirement;
  #slicer: Slicer | undefined;
  #protectedOnce = Promise.withResolvers<void>();

  constructor(parts: PrimaryParts) {
    this.#parts = parts;
    this.#protocol = parts.protocol;
    this.#throttle = new Throttle(parts.protocol.rules.lagMaxMs);
    this.#retirement = new Retirement({
      isProtected: () => this.#protocol.mode === "protected",
      handOver: () => this.step({ type: "handover" }),
      stop: (why) => this.stop(why),
    }, parts.protocol.rules.claimRetryMs);
    this.#transfers = new StateTransfers({
      protocol: parts.protocol,
      thread: parts.thread,
      logRules: () => this.#logRules,
      step: (input) => this.step(input),
      tell: (command) => this.#tell(command),
      fail: (error) => this.#fail(error),
    });
  }

  /** Resolves when a backup follows for the first time. */
  get firstProtection(): Promise<void> {
    return this.#protectedOnce.promise;
  }

  /** Runs until the side halts; gives its parts back and says how it ended. */
  async run(): Promise<Halt> {
    const { connections, sink, say } = this.#parts;
    connections?.serve((input) => this.step(input));
    using slicer = new Slicer(this.#parts.thread, sliceOf(this.#protocol.rules));
    this.#slicer = slicer;
    this.#setTicker();
    const threadEnded = this.#readThread();
    this.#pumpInput();
    this.step({ type: "tick" });
    const halt = await this.#halted.promise;
    this.#isOver = true;
    clearInterval(this.#ticker);
    this.#wake?.();
    this.#transfers.breakOff();
    this.#tell({ type: "quit" });
    await threadEnded;
    await this.#transfers.end();
    const { gauges } = this.#parts.thread.channel;
    say(`recorded up to ${gauges[Gauge.point]}, ${gauges[Gauge.digests]} digests`);
    await connections?.close();
    if (this.#guestEnded) await sink.end(halt.code, halt.why);
    await sink.close();
    await this.#parts.network?.close();
    this.#parts.claimer.arbiter.close();
    return halt;
  }

  /** Asks for a handover; returns why not, or undefined if it has begun. */
  handover(): string | undefined {
    if (this.#protocol.mode !== "protected") return "there is no backup that follows";
    this.step({ type: "handover" });
    return undefined;
  }

  /**
   * Changes settings; returns what holds from now on.
   * @throws UsageError if one can't be set so, UnavailableError if this side is over
   */
  set(changes: ReadonlyMap<string, string>): string {
    if (this.#isOver) throw new UnavailableError("this side is over");
    this.step({ type: "set", settings: parseSettings(changes) });
    return settingsText(this.#protocol.rules);
  }

  /** Asks for an orderly end of the guest. */
  stop(why: string): void {
    if (!this.#isOver) this.#tell({ type: "end", why });
  }

  /**
   * Ends this side as a service manager's stop does: a handover if it can be, else the guest's end.
   * @param graceMs how long to wait for a backup to hand over to, if there is none
   */
  retire(why: string, graceMs = 0): void {
    this.#retirement.begin(why, graceMs);
  }

  /** Figures for the status address. */
  status(): Record<string, unknown> {
    return statusOf(this.#parts, {
      performedOutputs: this.#performedOutputs,
      doneOutputs: this.#doneOutputs,
      takeover: this.takeover,
      ackLatencyMs: this.#ackLatency.percentiles(),
      throttle: this.#share,
      transfer: this.#transfers.status(),
    });
  }

  /** How this side took over, for the status; undefined: it has not. */
  takeover: TakeoverFigures | undefined;

  /** The backup hears something as often as a frame is closed at least: that may as well be log. */
  get #logRules(): LogRules {
    const { rules } = this.#protocol;
    const { checkpointing, epochLengthMs } = rules;
    const frameAgeMs = Math.min(reportPeriodMs(rules), frameAgeMaxMs);
    return { frameAgeMs, checkpointing, epochLengthMs };
  }

  #setTicker(): void {
    clearInterval(this.#ticker);
    const periodMs = reportPeriodMs(this.#protocol.rules) / 2;
    this.#ticker = setInterval(() => this.#tick(), Math.min(periodMs, tickMaxMs));
  }

  /** The rules have changed. */
  #goByRules(): void {
    const { rules } = this.#protocol;
    this.#throttle.lagMaxMs = rules.lagMaxMs;
    if (this.#slicer !== undefined) this.#slicer.sliceMs = sliceOf(rules);
    this.#setTicker();
    this.#tell({ type: "keepLog", ...this.#logRules });
  }

  #tick(): void {
    this.step({ type: "tick" });
    this.#transfers.tick();
    this.#slowDown();
    const { sink, thread } = this.#parts;
    const { mode, session } = this.#protocol;
    if (mode !== "claiming") this.#claimingSinceMs = undefined;
    else if (performance.now() - (this.#claimingSinceMs ??= performance.now()) > suspendAfterMs) {
      sink.suspend();
    }
    this.#retirement.tick();
    // A backup that joins will have to know of it: then the protocol says when.
    if (mode === "alone" && session === undefined) {
      sink.inputCommitted(thread.channel.gauges[Gauge.inputOffset]!);
    }
  }

  /** The share of time in which the guest is to pause. */
  get #share(): number {
    return Math.max(this.#throttle.share, this.#transfers.share);
  }

  /** Slows the guest down as far as the backup needs it. */
  #slowDown(): void {
    const { channel } = this.#parts.thread;
    const nowMs = performance.now();
    this.#throttle.update(this.#protocol.session?.replayLag(nowMs), nowMs);
    const share = this.#share;
    // Not to a thread that waits for room, and has not heard the last of it. Otherwise again and again while it
    // lasts: to be told stops a guest that does not exit by itself.
    if ((share === 0 && this.#toldShare === 0) || channel.commands.usedBytes > 0) return;
    this.#toldShare = share;
    this.#tell({ type: "throttle", share });
  }

  /** Something happened. What goes wrong here is a defect, and none of whose doing this input is: it ends the side. */
  step(input: PrimaryInput): void {
    if (this.#isOver) return;
    try {
      this.#step(input);
    } catch (error) {
      this.#isOver = true;
      this.#fail(error as Error);
    }
  }

  #step(input: PrimaryInput): void {
    const { interposer } = this.#parts;
    interposer?.input?.(input);
    const nowMs = Math.floor(performance.now());
    const effects = this.#protocol.step(input, nowMs);
    if (input.type === "message" && input.message.type === "ack") {
      this.#ackLatency.received(this.#protocol.session?.received ?? 0);
    }
    interposer?.decided?.(input);
    for (const effect of effects) {
      interposer?.before?.(effect);
      this.#carryOut(effect);
      interposer?.after?.(effect);
    }
    this.#wake?.();
    this.#transfers.wake();
  }

  #carryOut(effect: PrimaryEffect): void {
    const { connections, sink, say, thread } = this.#parts;
    switch (effect.type) {
      case "send":
        if (effect.message.type === "protected") this.#protectedOnce.resolve();
        if (effect.message.type === "done") this.#doneOutputs++;
        return connections!.send(effect.connection, effect.message, this.#protocol.generation);
      case "sendFrame":
        this.#ackLatency.sent(effect.frame.sequence);
        return connections!.sendFrame(effect.connection, effect.frame.bytes);
      case "close":
        return connections!.drop(effect.connection, effect.why);
      case "perform":
        return this.#perform(effect.output);
      case "inputCommitted":
        return sink.inputCommitted(effect.offset);
      case "startLog":
        this.#ackLatency.restart();
        return this.#transfers.start(effect);
      case "recall": {
        const answer = recalled(thread.channel.trail, effect.divergence);
        return connections!.send(effect.connection, answer, this.#protocol.generation);
      }
      case "pages":
        return this.#transfers.know(effect.hashes);
      case "stopLog":
        return this.#transfers.stop();
      case "logRules":
        return this.#goByRules();
      case "pause":
      case "resume":
        return this.#tell({ type: effect.type });
      case "claim":
        return void this.#claim(effect.generation, effect.ended);
      case "probeArbiter":
        return void this.#parts.claimer.probe().then((answer) =>
          this.step({ type: "probed", ...answer })
        );
      case "report":
        return say(effect.text);
      case "halt":
        return this.#halted.resolve(effect);
    }
  }

  #tell(command: RecorderCommand): void {
    this.#parts.thread.command(command).catch((error: Error) => this.#fail(error));
  }

  #perform({ sink, offset, bytes }: { sink: number; offset: number; bytes: Uint8Array }): void {
    const to = sink === CONSOLE_SINK ? this.#parts.sink : this.#parts.network;
    const performed = to?.perform(offset, bytes as Uint8Array<ArrayBuffer>) ?? Promise.resolve();
    performed.then(
      () => {
        this.#performedOutputs++;
        this.#parts.thread.channel.noteDone(sink, offset + bytes.length);
        this.step({ type: "performed", sink });
      },
      (error: Error) => this.#fail(error),
    );
  }

  async #claim(generation: number, ended: boolean): Promise<void> {
    try {
      const { claimer, sink } = this.#parts;
      const outcome = outcomeOf(await claimer.claim(generation, ended));
      if (outcome.kind === "won" && !ended) await sink.goLive(0, 0, generation);
      this.step({ type: "claimed", generation, outcome });
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** The machine's thread: what it puts out goes in here, as fast as the protocol accepts it. */
  async #readThread(): Promise<void> {
    const { thread } = this.#parts;
    for (;;) {
      while (!this.#isOver && !this.#protocol.accepting) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      const record = await thread.read();
      if (this.#take(record)) break;
    }
    thread.retire();
  }

  /** @returns whether that was the thread's last word */
  #take({ kind, body }: RingRecord): boolean {
    switch (kind) {
      case RecordKind.output:
        this.step({ type: "output", output: readOutput(body) });
        return false;
      case RecordKind.frame:
        this.step({ type: "frame", frame: readFrame(body) });
        return false;
      case RecordKind.dirty:
        this.#transfers.hear({ type: "dirty", ...readDirty(body) });
        return false;
      case RecordKind.staged:
        this.#transfers.hear({ type: "staged", ...readStaged(body) });
        return false;
      case RecordKind.message:
        return this.#notice(decodeMessageRecord<RecorderNotice | ThreadNotice>(body));
      default:
        throw new DefectError(`a record of kind ${kind} from the vCPU's thread`);
    }
  }

  #notice(notice: RecorderNotice | ThreadNotice): boolean {
    switch (notice.type) {
      case "ready":
        this.#parts.thread.noteReady(notice);
        return false;
      case "copying":
      case "captured":
        this.#transfers.hear(notice);
        return false;
      case "logStopped":
        this.#transfers.noteLogStopped(notice.session);
        return false;
      case "paused":
        this.step({ type: "paused", sequence: notice.sequence });
        return false;
      case "ended":
        this.#guestEnded = true;
        this.step({ type: "guestEnded", end: notice.end, sequence: notice.sequence });
        return false;
      case "gone":
        if (notice.failure !== undefined) this.#fail(errorOf(notice.failure));
        return true;
    }
  }

  async #pumpInput(): Promise<void> {
    const { sink, thread } = this.#parts;
    try {
      for (;;) {
        const bytes = await sink.readInput();
        if (bytes === undefined || this.#isOver) return;
        await thread.input(bytes);
      }
    } catch (error) {
      if (!this.#isOver) this.#fail(error as Error);
    }
  }

  /** What this side can't go on from. The machine may go on elsewhere. */
  #fail(error: Error & { exitCode?: Halt["code"] }): void {
    this.#halted.resolve({ code: error.exitCode ?? ExitCode.defect, why: error.message });
  }
}
