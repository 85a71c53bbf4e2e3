/**
 * The backup's side of the commit protocol, as a pure state machine: `step(input, nowMs) → effects`.
 *
 * ```
 *   joining ──welcome──▶ following ──protected, then loss or handover──▶ draining ──▶ claiming
 *      │                    │                                               │            │
 *      │                  │ ▲ └── loss before `protected` ─▶ rejoin         │            ├─won──▶ live
 *      └─ refused    diverged └─ renewing: a state follows      diverged ─▶ over          └─lost─▶ over
 *         ─▶ rejoin       ▼ │
 *            or over   diverged ── loss ─▶ rejoin
 * ```
 *
 * From a divergence on it may not claim until it has replayed a new state (or, had it no claim, is `protected`).
 * At the guest's end it drains too, and then is over: a sink's copy would lack its last bytes. One of these lives
 * from one connection to its end. "Rejoin" means: throw the machine away and start over with a new connection and
 * a new one of these; the driver does that. No clock, no I/O, no random. Source: Scales et al. 2010, sections 2.2 to 2.4.
 */
import { ExitCode, PeerError } from "../base/errors.ts";
import { joinSilenceMs, untoldReplayBytes } from "../base/limits.ts";
import { divergedHalt, lostHalt, UNHEALED } from "./claim_words.ts";
import { divergenceText, renewalAsked } from "./healing.ts";
import { helloOf, reportPeriodMs, welcomeIn } from "./join.ts";
import { Patience } from "./patience.ts";
import { KeptOutputs } from "./kept_outputs.ts";
import type { Message, MessageOf } from "./messages.ts";
import { ruled } from "./rules.ts";
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
import type { ClaimOutcome, Halt } from "./types.ts";

export type { BackupEffect, BackupInput, BackupPhase, BackupRules, Divergence, ReceivedFrame };

/** The backup's state machine. */
export class BackupProtocol {
  /** The outputs that a takeover would have to perform. */
  readonly kept = new KeptOutputs();
  /** How far the present or the last state transfer has come, as the primary says; undefined: it has not begun. */
  transfer: Transfer | undefined;
  /** The log that was received, and how much of it is replayed. */
  progress = new ReplayProgress();
  #phase: BackupPhase = "joining";
  #welcome: MessageOf<"welcome"> | undefined;
  #isProtected = false;
  /** The primary hands over, and as far as we know it is still there. */
  #handover = false;
  /** Why the guest ended, once the primary has said so. */
  #endedWhy: string | undefined;
  #hasDiverged = false; // And it is not healed.
  #isHealing = false; // The state that it waits for, and may have already, gives it its claim back.
  readonly #patience = new Patience();
  #lastAckMs = -Infinity;
  #echoMs = 0;
  #claimRetryAtMs = Infinity;
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
    const inSession = this.#phase === "joining" || this.#phase === "following" ||
      this.#phase === "diverged";
    switch (input.type) {
      case "connected":
        this.#patience.heard(nowMs);
        return this.#send(helloOf(this.rules));
      case "tick":
        return this.#tick(nowMs, inSession);
      case "message":
        if (inSession || this.#isHandingOver) this.#patience.heard(nowMs);
        if (inSession) return this.#message(input.message);
        if (input.message.type === "heartbeat") this.#heartbeat(input.message);
        return;
      case "frame":
        if (!inSession) return;
        this.#patience.heard(nowMs);
        return this.#frame(input.frame, nowMs);
      case "closed":
        this.#handover = false;
        if (inSession) this.#lose(input.why);
        return;
      case "state":
        return this.#state();
      case "output":
        return this.#output(input.output);
      case "replayed":
        return this.#noteReplayed(input.sequence, input.point, inSession, nowMs);
      case "drained":
        return this.#drained();
      case "diverged":
        return this.#diverged(input.divergence);
      case "renewed":
        if (this.#phase !== "diverged") return;
        return renewalAsked(input.hashes).forEach((it) => this.#send(it));
      case "reported":
        return inSession ? this.#send(input) : undefined;
      case "claimed":
        return this.#claimed(input.outcome, nowMs);
      case "leave":
        if (!inSession && this.#endedWhy === undefined) {
          return this.#report("a takeover is under way; not leaving now");
        }
        if (inSession) this.#send({ type: "leave", why: input.why });
        return this.#end({ code: ExitCode.ok, why: `left: ${input.why}` });
    }
  }

  /** Draining at the primary's wish: until the claim is submitted, each still listens to the other. */
  get #isHandingOver(): boolean {
    return this.#handover && this.#phase === "draining";
  }

  #tick(nowMs: number, inSession: boolean): void {
    if (this.#welcome !== undefined && (inSession || this.#isHandingOver)) {
      this.#listen(nowMs, this.#welcome);
    }
    this.#patience.ticked(nowMs);
    if (nowMs >= this.#claimRetryAtMs) this.#claim();
  }

  #listen(nowMs: number, welcome: MessageOf<"welcome">): void {
    const { timeoutMs } = welcome;
    const silenceMs = this.#patience.silenceMs(nowMs, timeoutMs);
    if (nowMs - this.#lastAckMs >= reportPeriodMs(welcome)) this.#ack(nowMs);
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
      case "transfer":
        this.#require(!this.#isProtected, "a state transfer, while this side may take over");
        this.transfer = message;
        return;
      case "recorded":
        return void this.#effects.push(message);
      case "rules":
        return void (this.#welcome = ruled(this.#welcome, message));
      case "renewing":
        this.#require(this.#phase === "diverged", "the log begins anew, without a divergence");
        this.#phase = "following";
        this.#isHealing = message.mayClaim;
        return;
      case "protected":
        // It was sent before the primary heard of the divergence.
        if (this.#phase === "diverged") return;
        this.#require(
          message.stateSequence > 0 && message.stateSequence <= this.progress.replayed,
          `protected by the state in frame ${message.stateSequence}, which is not replayed here`,
        );
        this.#isProtected = true;
        this.#hasDiverged = false;
        return this.#report("protected: this side may take over");
      case "handover":
        if (this.#phase === "diverged") return;
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
    if (!this.#isProtected) {
      return this.#end({ code: ExitCode.ok, why: `the guest has ended: ${why}` });
    }
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
    const welcome = this.#welcome = welcomeIn(message, this.rules.machineId);
    this.#phase = "following";
    this.#report(`joins machine ${welcome.machineId}, generation ${welcome.generation}`);
    this.#effects.push({ type: "prepare", welcome });
  }

  #refused({ why, retry }: MessageOf<"refuse">): void {
    if (retry) return this.#rejoin(`refused: ${why}`);
    const code = this.#hasDiverged ? ExitCode.diverged : ExitCode.unavailable;
    this.#end({ code, why: `the primary refused: ${why}` });
  }

  #frame(frame: ReceivedFrame, nowMs: number): void {
    this.#require(this.#welcome !== undefined, "a log frame, expected a welcome");
    // What follows on what this side can't replay: what does not, comes after `renewing`.
    if (this.#phase === "diverged") return;
    const { generation, commitReplayed } = this.#welcome!;
    this.progress.receive(frame, generation, this.rules.windowBytes);
    if (!commitReplayed) this.#ack(nowMs); // First: outputs wait for it.
    this.#effects.push({ type: "feed", frame });
  }

  /** The machine is the state's, and so are the outputs that are not done: they follow. */
  #state(): void {
    this.kept.restart();
    if (!this.#isHealing) return;
    this.#isHealing = false;
    this.#isProtected = true;
    this.#report("healed: this side may take over again");
  }

  /** The replay's own output. What can't be kept must not be lost either: then this side is unfit. */
  #output(output: Output): void {
    if (this.#phase === "diverged") return;
    try {
      for (const done of this.kept.add(output, this.rules.keptBytesMax)) {
        this.#effects.push({ type: "done", output: done });
      }
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      const { point, sink, offset } = output;
      const replayed = `output at ${offset}: ${error.message}`;
      this.#diverged({ point, place: `outputs of sink ${sink}`, recorded: "none such", replayed });
    }
  }

  #noteReplayed(sequence: number, point: number, inSession: boolean, nowMs: number): void {
    if (this.#phase === "diverged") return;
    this.progress.noteReplayed(sequence, point);
    const isAwaited = this.#welcome!.commitReplayed || !this.#isProtected || this.#hasDiverged ||
      this.progress.untoldBytes >= untoldReplayBytes;
    if (inSession && isAwaited) this.#ack(nowMs);
    if (this.#isProtected) this.#hasDiverged = false;
  }

  #ack(nowMs: number): void {
    this.#lastAckMs = nowMs;
    this.#send({ type: "ack", ...this.progress.tell(), echoMs: this.#echoMs });
  }

  /** All that was received has been replayed. What has been seen must be among what was put out. */
  #drained(): void {
    if (this.#phase !== "draining") return;
    if (!this.#isProtected) return this.#rejoin(UNHEALED);
    const overrun = this.kept.overrun();
    if (overrun === undefined) {
      if (this.#endedWhy === undefined) return this.#claim();
      return this.#end({ code: ExitCode.ok, why: `the guest has ended: ${this.#endedWhy}` });
    }
    this.#diverged({ point: this.progress.point, ...overrun });
  }

  #diverged(divergence: Divergence): void {
    const what = divergenceText(divergence);
    // A claim that was submitted can't be renounced any more, and only what drained well submits one.
    if (this.#phase === "claiming" || this.#phase === "diverged") return;
    this.#effects.push({ type: "diverged", divergence });
    if (this.#phase !== "draining" || this.#isHandingOver) return this.#renounce(divergence, what);
    if (!this.#isProtected) return this.#rejoin(UNHEALED);
    const ended = this.#endedWhy;
    if (ended === undefined && this.rules.takeoverDiverged) {
      this.#report(`${what}; taking over all the same: outputs from there on may differ`);
      return this.#claim();
    }
    this.#end(divergedHalt(what, ended));
  }

  /** What it has is not the machine. It asks for the state once the replay stands still. */
  #renounce({ checksums = new Uint8Array(0), ...divergence }: Divergence, what: string): void {
    const after = this.progress.point;
    this.#send({ type: "diverged", ...divergence, after, checksums });
    this.#phase = "diverged";
    this.#isProtected = this.#isHealing = this.#handover = false;
    this.#hasDiverged = true;
    // What was verified may still be found to be done.
    this.kept.dropAfter(after);
    this.progress = new ReplayProgress();
    this.#report(`${what}; may not take over until it has the machine's state anew`);
    this.#effects.push({ type: "renew" });
  }

  /** The session is over: with `protected` in hand, this side tries to go on alone. */
  #lose(why: string): void {
    if (!this.#isProtected && !this.#isHealing) return this.#rejoin(why);
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
    this.#claimRetryAtMs = Infinity;
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
        if (outcome.ended) return this.#end({ code: ExitCode.ok, why: "the guest has ended" });
        return this.#end(lostHalt(generation, this.#welcome!.machineId, outcome.holder));
      case "won":
        if (this.#handover) this.#send({ type: "won", generation });
        this.#phase = "live";
        this.#report(`won generation ${generation}: goes live`);
        this.#effects.push({ type: "goLive", generation, kept: this.kept.all() });
    }
  }

  #rejoin(why: string): void {
    this.#phase = "over";
    const diverged = this.#hasDiverged;
    this.#effects.push({ type: "close", why }, { type: "rejoin", why, diverged });
  }

  #end(halt: Halt): void {
    this.#phase = "over";
    this.#effects.push({ type: "close", why: halt.why }, { type: "halt", ...halt });
  }

  #send(message: Message): void {
    this.#effects.push({ type: "send", message });
  }

  #report(text: string): void {
    this.#effects.push({ type: "report", text });
  }
}
