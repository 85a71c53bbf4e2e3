/**
 * The backup's side of the commit protocol, as a pure state machine: `step(input, nowMs) → effects`.
 *
 * ```
 *   joining ──welcome──▶ following ──protected, then loss or handover──▶ draining ──▶ claiming
 *      │                    │                                               │            │
 *      │                    └─ loss before `protected`, divergence ─▶ rejoin │            ├─won──▶ live
 *      └─ refused ─▶ rejoin or over                            diverged ─▶ over          └─lost─▶ over
 * ```
 *
 * At the guest's end it drains too, and then is over: what is not replayed is not checked, and a sink's copy
 * would lack its last bytes.
 *
 * One of these lives from one connection to its end. "Rejoin" means: throw the machine away and start
 * over with a new connection and a new one of these; the driver does that. No clock, no I/O, no random.
 *
 * Source: Scales et al. 2010, sections 2.2 to 2.4.
 */
import { ExitCode, type ExitCodeValue, PeerError } from "../base/errors.ts";
import { joinSilenceMs } from "../base/limits.ts";
import { checkWelcome, reportPeriodMs } from "./join.ts";
import { KeptOutputs } from "./kept_outputs.ts";
import { type Message, type MessageOf, PROTOCOL_VERSION } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import { ReplayProgress } from "./replay_progress.ts";
import type {
  BackupEffect,
  BackupInput,
  BackupPhase,
  BackupRules,
  Divergence,
  ReceivedFrame,
} from "./backup_types.ts";
import type { Transfer } from "./primary_types.ts";
import type { ClaimOutcome } from "./types.ts";

export type { BackupEffect, BackupInput, BackupPhase, BackupRules, Divergence, ReceivedFrame };

/** The backup's state machine. */
export class BackupProtocol {
  /** The outputs that a takeover would have to perform. */
  readonly kept = new KeptOutputs();
  /** How far the state transfer has come, as the primary says; undefined: it has not begun. */
  transfer: Transfer | undefined;
  /** The log that was received, and how much of it is replayed. */
  readonly progress = new ReplayProgress();
  #phase: BackupPhase = "joining";
  #welcome: MessageOf<"welcome"> | undefined;
  #isProtected = false;
  /** The primary hands over, and as far as we know it is still there. */
  #handover = false;
  /** Why the guest ended, once the primary has said so. */
  #endedWhy: string | undefined;
  #heardMs = -Infinity;
  /** Silence has been forgiven once since something was heard. */
  #forgiven = false;
  #lastTickMs = -Infinity;
  #lastAckMs = -Infinity;
  #echoMs = 0;
  #claimRetryAtMs: number | undefined;
  #effects: BackupEffect[] = [];

  /** @param rules see {@link BackupRules} */
  constructor(readonly rules: BackupRules) {}

  /** Where it stands. */
  get phase(): BackupPhase {
    return this.#phase;
  }

  /** Whether it may claim. */
  get isProtected(): boolean {
    return this.#isProtected;
  }

  /** What the primary said at the start. */
  get welcome(): MessageOf<"welcome"> | undefined {
    return this.#welcome;
  }

  /**
   * Takes one input in; returns what is to be done, in order.
   *
   * What breaks the protocol ends the session like a loss of the connection does, with a report.
   */
  step(input: BackupInput, nowMs: number): BackupEffect[] {
    this.#effects = [];
    if (this.#phase === "live" || this.#phase === "over") return this.#effects;
    try {
      this.#take(input, nowMs);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.#report(`the primary breaks the protocol: ${error.message}`);
      this.#lose(error.message);
    }
    return this.#effects;
  }

  #take(input: BackupInput, nowMs: number): void {
    // Once the session is over, nothing that still arrives on it counts.
    const inSession = this.#phase === "joining" || this.#phase === "following";
    switch (input.type) {
      case "connected":
        this.#heard(nowMs);
        return this.#send({
          type: "hello",
          protocol: PROTOCOL_VERSION,
          who: this.rules.who,
          machineId: this.rules.machineId,
        });
      case "tick":
        return this.#tick(nowMs, inSession);
      case "message":
        if (inSession || this.#isHandingOver) this.#heard(nowMs);
        if (inSession) return this.#message(input.message);
        if (input.message.type === "heartbeat") this.#heartbeat(input.message);
        return;
      case "frame":
        if (!inSession) return;
        this.#heard(nowMs);
        return this.#frame(input.frame, nowMs);
      case "closed":
        this.#handover = false;
        if (inSession) this.#lose(input.why);
        return;
      case "output":
        return this.#output(input.output);
      case "replayed":
        return this.#noteReplayed(input.sequence, input.point, inSession, nowMs);
      case "drained":
        return this.#drained();
      case "diverged":
        return this.#diverged(input.divergence);
      case "claimed":
        return this.#claimed(input.outcome, nowMs);
      case "leave":
        if (!inSession && this.#endedWhy === undefined) {
          return this.#report("a takeover is under way; not leaving now");
        }
        if (inSession) this.#send({ type: "leave", why: input.why });
        return this.#end(ExitCode.ok, `left: ${input.why}`);
    }
  }

  /** Draining at the primary's wish: until the claim is submitted, each still listens to the other. */
  get #isHandingOver(): boolean {
    return this.#handover && this.#phase === "draining";
  }

  #heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#forgiven = false;
  }

  #tick(nowMs: number, inSession: boolean): void {
    if (this.#welcome !== undefined && (inSession || this.#isHandingOver)) {
      this.#listen(nowMs, this.#welcome);
    }
    this.#lastTickMs = nowMs;
    if (this.#claimRetryAtMs !== undefined && nowMs >= this.#claimRetryAtMs) this.#claim();
  }

  #listen(nowMs: number, welcome: MessageOf<"welcome">): void {
    const { timeoutMs } = welcome;
    // A side that was itself stopped has not listened: silence counts from when it woke.
    if (nowMs - this.#lastTickMs > timeoutMs / 2 && !this.#forgiven) {
      this.#heardMs = nowMs;
      this.#forgiven = true;
    }
    if (nowMs - this.#lastAckMs >= reportPeriodMs(welcome)) this.#ack(nowMs);
    const silenceMs = nowMs - this.#heardMs;
    if (silenceMs <= (this.#isProtected ? timeoutMs : Math.max(timeoutMs, joinSilenceMs))) return;
    if (this.#phase === "draining") this.#handover = false;
    else this.#lose(`nothing heard for ${Math.round(silenceMs)} ms`);
  }

  #message(message: Message): void {
    if (this.#welcome === undefined) return this.#beforeWelcome(message);
    switch (message.type) {
      case "heartbeat":
        return this.#heartbeat(message);
      case "done":
        for (const output of this.kept.done(message.sink, message.offset)) {
          this.#effects.push({ type: "done", output });
        }
        return;
      case "kept":
        this.#require(!this.#isProtected, "outputs from before a state, but no state follows");
        return this.#keep({ ...message, point: this.progress.point });
      case "transfer":
        this.#require(!this.#isProtected, "a state transfer, after it said protected");
        this.transfer = message;
        return;
      case "protected":
        this.#require(
          message.stateSequence > 0 && message.stateSequence <= this.progress.replayed,
          `protected by the state in frame ${message.stateSequence}, which is not replayed here`,
        );
        this.#isProtected = true;
        return this.#report("protected: this side may take over");
      case "handover":
        this.#require(
          this.#isProtected && message.sequence === this.progress.received,
          `a handover after frame ${message.sequence}, with ${this.progress.received} received`,
        );
        this.#handover = true;
        this.#report("the primary hands over");
        return this.#drain();
      case "ended":
        return this.#ended(message.why);
      case "refuse":
        this.#require(!this.#isProtected, "a refusal, after it said protected");
        return this.#refused(message);
      default:
        throw new PeerError(`a ${message.type} message, which a primary does not send now`);
    }
  }

  #ended(why: string): void {
    // Its state may not even be whole yet.
    if (!this.#isProtected) return this.#end(ExitCode.ok, `the guest has ended: ${why}`);
    this.#endedWhy = why;
    this.#effects.push({ type: "close", why });
    this.#drain();
  }

  #require(condition: boolean, otherwise: string): void {
    if (!condition) throw new PeerError(otherwise);
  }

  #heartbeat({ sentMs }: MessageOf<"heartbeat">): void {
    this.#echoMs = Math.max(this.#echoMs, sentMs);
  }

  #beforeWelcome(message: Message): void {
    if (message.type === "refuse") return this.#refused(message);
    this.#require(message.type === "welcome", `a ${message.type} message, expected a welcome`);
    const welcome = message as MessageOf<"welcome">;
    checkWelcome(welcome, this.rules.machineId);
    this.#welcome = welcome;
    this.#phase = "following";
    this.#report(`joins machine ${welcome.machineId}, generation ${welcome.generation}`);
    this.#effects.push({ type: "prepare", welcome });
  }

  #refused({ why, retry }: MessageOf<"refuse">): void {
    if (retry) return this.#rejoin(`refused: ${why}`, false);
    this.#end(ExitCode.unavailable, `the primary refused: ${why}`);
  }

  #frame(frame: ReceivedFrame, nowMs: number): void {
    this.#require(this.#welcome !== undefined, "a log frame, expected a welcome");
    const { generation, commitReplayed } = this.#welcome!;
    this.progress.receive(frame, generation, this.rules.windowBytes);
    this.#effects.push({ type: "feed", frame });
    if (!commitReplayed) this.#ack(nowMs);
  }

  /** The replay's own output. What can't be kept must not be lost either: then this side is unfit. */
  #output(output: Output): void {
    try {
      this.#keep(output);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      const { point, sink, offset } = output;
      const replayed = `output at ${offset}: ${error.message}`;
      this.#diverged({ point, place: `outputs of sink ${sink}`, recorded: "none such", replayed });
    }
  }

  #keep({ sink, offset, point, bytes }: Output): void {
    for (const output of this.kept.add({ sink, offset, point, bytes })) {
      this.#effects.push({ type: "done", output });
    }
    const { bytes: keptBytes } = this.kept;
    const { keptBytesMax } = this.rules;
    this.#require(
      keptBytes <= keptBytesMax,
      `${keptBytes} bytes of output without a notice, expected at most ${keptBytesMax}`,
    );
  }

  #noteReplayed(sequence: number, point: number, inSession: boolean, nowMs: number): void {
    this.progress.noteReplayed(sequence, point);
    if (inSession && (this.#welcome!.commitReplayed || !this.#isProtected)) this.#ack(nowMs);
  }

  #ack(nowMs: number): void {
    this.#lastAckMs = nowMs;
    const { received, replayed, point } = this.progress;
    this.#send({ type: "ack", received, replayed, point, echoMs: this.#echoMs });
  }

  /** All that was received has been replayed. What has been seen must be among what was put out. */
  #drained(): void {
    if (this.#phase !== "draining") return;
    const overrun = this.kept.overrun();
    if (overrun === undefined) {
      if (this.#endedWhy === undefined) return this.#claim();
      return this.#end(ExitCode.ok, `the guest has ended: ${this.#endedWhy}`);
    }
    const { sink, doneOffset, end } = overrun;
    const recorded = `performed up to ${doneOffset}`;
    const replayed = `put out up to ${end}`;
    this.#diverged({
      point: this.progress.point,
      place: `outputs of sink ${sink}`,
      recorded,
      replayed,
    });
  }

  #diverged(divergence: Divergence): void {
    const { point, place, recorded, replayed } = divergence;
    const what =
      `diverged at execution point ${point}, ${place}: recorded ${recorded}, replayed ${replayed}`;
    // A claim that was submitted can't be renounced any more, and only what drained well submits one.
    if (this.#phase === "claiming") return;
    if (this.#phase !== "draining" || this.#isHandingOver) {
      this.#send({ type: "diverged", ...divergence });
      return this.#rejoin(what, true);
    }
    if (this.#endedWhy !== undefined) {
      return this.#end(
        ExitCode.diverged,
        `${what}, while draining the log; the guest has ended: ${this.#endedWhy}`,
      );
    }
    if (this.rules.takeoverDiverged) {
      this.#report(`${what}; taking over all the same: outputs from there on may differ`);
      return this.#claim();
    }
    this.#end(
      ExitCode.diverged,
      `${what}, while draining the log; not fit to go on (--takeover-diverged overrides)`,
    );
  }

  /** The session is over: with `protected` in hand, this side tries to go on alone. */
  #lose(why: string): void {
    if (!this.#isProtected) return this.#rejoin(why, false);
    this.#report(`the primary is lost (${why}); draining the log`);
    this.#effects.push({ type: "close", why });
    this.#drain();
  }

  #drain(): void {
    this.#phase = "draining";
    this.#effects.push({ type: "drain" });
  }

  #claim(): void {
    this.#phase = "claiming";
    this.#claimRetryAtMs = undefined;
    this.#effects.push({ type: "claim", generation: this.#welcome!.generation + 1 });
  }

  #claimed(outcome: ClaimOutcome, nowMs: number): void {
    if (this.#phase !== "claiming") return;
    const generation = this.#welcome!.generation + 1;
    switch (outcome.kind) {
      case "unreachable":
        this.#claimRetryAtMs = nowMs + this.rules.claimRetryMs;
        return this.#report(`does not go on: the arbiter is out of reach: ${outcome.why}`);
      case "lost":
        if (outcome.ended) return this.#end(ExitCode.ok, "the guest has ended");
        return this.#end(
          ExitCode.lost,
          `lost generation ${generation} of ${this.#welcome!.machineId} to ${outcome.holder}`,
        );
      case "won":
        if (this.#handover) this.#send({ type: "won", generation });
        this.#phase = "live";
        this.#report(`won generation ${generation}: goes live`);
        this.#effects.push({ type: "goLive", generation, kept: this.kept.all() });
    }
  }

  #rejoin(why: string, diverged: boolean): void {
    this.#phase = "over";
    this.#effects.push({ type: "close", why });
    this.#effects.push({ type: "rejoin", why, diverged });
  }

  #end(code: ExitCodeValue, why: string): void {
    this.#phase = "over";
    this.#effects.push({ type: "close", why });
    this.#effects.push({ type: "halt", code, why });
  }

  #send(message: Message): void {
    this.#effects.push({ type: "send", message });
  }

  #report(text: string): void {
    this.#effects.push({ type: "report", text });
  }
}
