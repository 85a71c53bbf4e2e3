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
 * One of these lives from one connection to its end. "Rejoin" means: throw the machine away and start
 * over with a new connection and a new one of these; the driver does that. No clock, no I/O, no random.
 *
 * Source: Scales et al. 2010, sections 2.2 to 2.4.
 */
import { ExitCode, type ExitCodeValue, PeerError } from "../base/errors.ts";
import { KeptOutputs } from "./kept_outputs.ts";
import { type Message, type MessageOf, PROTOCOL_VERSION } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import type { ClaimOutcome, Halt } from "./types.ts";

/** What does not change while a backup follows. */
export interface BackupRules {
  /** How this side is called, for people. */
  readonly who: string;
  /** The machine it wants to follow; empty: whichever the primary has. */
  readonly machineId: string;
  readonly claimRetryMs: number;
  /** Log that may have been received and not yet replayed, in bytes: the primary keeps to it. */
  readonly windowBytes: number;
  /** Outputs that may be kept, in bytes. */
  readonly keptBytesMax: number;
  /** Take over although the log that was drained did not replay exactly. */
  readonly takeoverDiverged: boolean;
}

/** A frame of the log, as it came in, its checksum verified. */
export interface ReceivedFrame {
  readonly generation: number;
  readonly sequence: number;
  readonly through: number;
  readonly bytes: Uint8Array;
}

/** Where a replay differs. */
export interface Divergence {
  readonly point: number;
  readonly place: string;
  readonly recorded: string;
  readonly replayed: string;
}

/** What can happen to a backup. */
export type BackupInput =
  | { readonly type: "connected" }
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "frame"; readonly frame: ReceivedFrame }
  | { readonly type: "closed"; readonly why: string }
  | { readonly type: "output"; readonly output: Output }
  /** All of the frame `sequence` has been replayed and verified; the machine stands at `point`. */
  | { readonly type: "replayed"; readonly sequence: number; readonly point: number }
  /** After `drain`: all that was received has been replayed and verified. */
  | { readonly type: "drained" }
  | { readonly type: "diverged"; readonly divergence: Divergence }
  | { readonly type: "claimed"; readonly generation: number; readonly outcome: ClaimOutcome }
  | { readonly type: "leave"; readonly why: string };

/** What a backup wants done. */
export type BackupEffect =
  | { readonly type: "send"; readonly message: Message }
  | { readonly type: "close"; readonly why: string }
  /** Make an empty machine for the state that is to come. */
  | { readonly type: "prepare"; readonly welcome: MessageOf<"welcome"> }
  | { readonly type: "feed"; readonly frame: ReceivedFrame }
  /** These bytes are done: a sink that keeps a copy may write them. */
  | { readonly type: "done"; readonly output: Output }
  | { readonly type: "drain" }
  | { readonly type: "claim"; readonly generation: number }
  | { readonly type: "goLive"; readonly generation: number; readonly kept: readonly Output[] }
  | { readonly type: "rejoin"; readonly why: string; readonly diverged: boolean }
  | { readonly type: "report"; readonly text: string }
  | ({ readonly type: "halt" } & Halt);

/** Where a backup stands. */
export type BackupPhase = "joining" | "following" | "draining" | "claiming" | "live" | "over";

/** The backup's state machine. */
export class BackupProtocol {
  readonly kept = new KeptOutputs();
  #phase: BackupPhase = "joining";
  #welcome: MessageOf<"welcome"> | undefined;
  #isProtected = false;
  #handoverSequence: number | undefined;
  #heardMs = -Infinity;
  #lastTickMs = -Infinity;
  #lastAckMs = -Infinity;
  #echoMs = 0;
  #received = 0;
  #replayed = 0;
  #point = 0;
  readonly #unreplayed: { readonly sequence: number; readonly bytes: number }[] = [];
  #unreplayedBytes = 0;
  #claimRetryAtMs: number | undefined;
  #effects: BackupEffect[] = [];

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

  /** The last frame received and the last one replayed. */
  get progress(): { received: number; replayed: number; unreplayedBytes: number } {
    return {
      received: this.#received,
      replayed: this.#replayed,
      unreplayedBytes: this.#unreplayedBytes,
    };
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
        this.#heardMs = nowMs;
        return this.#send({
          type: "hello",
          protocol: PROTOCOL_VERSION,
          who: this.rules.who,
          machineId: this.rules.machineId,
        });
      case "tick":
        return this.#tick(nowMs, inSession);
      case "message":
        if (!inSession) return;
        this.#heardMs = nowMs;
        return this.#message(input.message);
      case "frame":
        if (!inSession) return;
        this.#heardMs = nowMs;
        return this.#frame(input.frame, nowMs);
      case "closed":
        if (inSession) this.#lose(input.why);
        return;
      case "output":
        return this.#output(input.output);
      case "replayed":
        return this.#noteReplayed(input.sequence, input.point, inSession, nowMs);
      case "drained":
        if (this.#phase === "draining") this.#claim();
        return;
      case "diverged":
        return this.#diverged(input.divergence, inSession);
      case "claimed":
        return this.#claimed(input.outcome, nowMs);
      case "leave":
        if (!inSession) return this.#report("a takeover is under way; not leaving now");
        this.#send({ type: "leave", why: input.why });
        return this.#end(ExitCode.ok, `left: ${input.why}`);
    }
  }

  #tick(nowMs: number, inSession: boolean): void {
    const timeoutMs = this.#welcome?.timeoutMs;
    if (inSession && timeoutMs !== undefined) {
      // A side that was itself stopped has not listened: silence counts from when it woke.
      if (nowMs - this.#lastTickMs > timeoutMs / 2) this.#heardMs = nowMs;
      if (nowMs - this.#lastAckMs >= this.#welcome!.heartbeatMs) this.#ack(nowMs);
      if (nowMs - this.#heardMs > timeoutMs) {
        this.#lose(`nothing heard for ${Math.round(nowMs - this.#heardMs)} ms`);
      }
    }
    this.#lastTickMs = nowMs;
    if (this.#claimRetryAtMs !== undefined && nowMs >= this.#claimRetryAtMs) this.#claim();
  }

  #message(message: Message): void {
    if (this.#welcome === undefined) return this.#beforeWelcome(message);
    switch (message.type) {
      case "heartbeat":
        this.#echoMs = Math.max(this.#echoMs, message.sentMs);
        return;
      case "done":
        for (const output of this.kept.done(message.sink, message.offset)) {
          this.#effects.push({ type: "done", output });
        }
        return;
      case "kept":
        return this.#output({
          sink: message.sink,
          offset: message.offset,
          point: this.#point,
          bytes: message.bytes,
        });
      case "protected":
        if (this.#replayed < message.stateSequence) {
          throw new PeerError(`protected by state ${message.stateSequence}, not replayed here`);
        }
        this.#isProtected = true;
        return this.#report("protected: this side may take over");
      case "handover":
        if (!this.#isProtected || message.sequence !== this.#received) {
          throw new PeerError(
            `a handover after frame ${message.sequence}, with ${this.#received} received`,
          );
        }
        this.#handoverSequence = message.sequence;
        this.#report("the primary hands over");
        return this.#drain();
      case "ended":
        return this.#end(ExitCode.ok, `the guest has ended: ${message.why}`);
      case "refuse":
        return this.#refused(message);
      default:
        throw new PeerError(`a ${message.type} message, which a primary does not send now`);
    }
  }

  #beforeWelcome(message: Message): void {
    if (message.type === "refuse") return this.#refused(message);
    if (message.type !== "welcome") {
      throw new PeerError(`a ${message.type} message, expected welcome or refuse`);
    }
    this.#welcome = message;
    this.#phase = "following";
    this.#report(`joins machine ${message.machineId}, generation ${message.generation}`);
    this.#effects.push({ type: "prepare", welcome: message });
  }

  #refused({ why, retry }: MessageOf<"refuse">): void {
    if (retry) return this.#rejoin(`refused: ${why}`, false);
    this.#end(ExitCode.unavailable, `the primary refused: ${why}`);
  }

  #frame(frame: ReceivedFrame, nowMs: number): void {
    const { generation } = this.#requireWelcome();
    if (frame.generation !== generation || frame.sequence !== this.#received + 1) {
      throw new PeerError(
        `frame ${frame.sequence} of generation ${frame.generation}, ` +
          `expected ${this.#received + 1} of ${generation}`,
      );
    }
    this.#received = frame.sequence;
    this.#unreplayed.push({ sequence: frame.sequence, bytes: frame.bytes.length });
    this.#unreplayedBytes += frame.bytes.length;
    if (this.#unreplayedBytes > this.rules.windowBytes) {
      throw new PeerError(
        `${this.#unreplayedBytes} bytes of log ahead of the replay, expected at most ` +
          `${this.rules.windowBytes}`,
      );
    }
    this.#effects.push({ type: "feed", frame });
    if (!this.#welcome!.commitReplayed) this.#ack(nowMs);
  }

  #requireWelcome(): MessageOf<"welcome"> {
    if (this.#welcome === undefined) throw new PeerError("a log frame, expected welcome");
    return this.#welcome;
  }

  #output(output: Output): void {
    for (const done of this.kept.add(output)) this.#effects.push({ type: "done", output: done });
    if (this.kept.bytes > this.rules.keptBytesMax) {
      throw new PeerError(
        `${this.kept.bytes} bytes of output without a notice, expected at most ` +
          `${this.rules.keptBytesMax}`,
      );
    }
  }

  #noteReplayed(sequence: number, point: number, inSession: boolean, nowMs: number): void {
    this.#replayed = sequence;
    this.#point = point;
    while (this.#unreplayed[0] !== undefined && this.#unreplayed[0].sequence <= sequence) {
      this.#unreplayedBytes -= this.#unreplayed.shift()!.bytes;
    }
    if (inSession && (this.#welcome!.commitReplayed || !this.#isProtected)) this.#ack(nowMs);
  }

  #ack(nowMs: number): void {
    this.#lastAckMs = nowMs;
    this.#send({
      type: "ack",
      received: this.#received,
      replayed: this.#replayed,
      point: this.#point,
      echoMs: this.#echoMs,
    });
  }

  #diverged(divergence: Divergence, inSession: boolean): void {
    const { point, place, recorded, replayed } = divergence;
    const what =
      `diverged at execution point ${point}, ${place}: recorded ${recorded}, replayed ${replayed}`;
    if (inSession) {
      this.#send({ type: "diverged", ...divergence });
      return this.#rejoin(what, true);
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
        if (this.#handoverSequence !== undefined) this.#send({ type: "won", generation });
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
