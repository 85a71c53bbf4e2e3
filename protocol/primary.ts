/**
 * The primary's side of the commit protocol, as a pure state machine: `step(input, nowMs) → effects`.
 *
 * ```
 *   alone ──hello──▶ alone, joining ──state acked──▶ protected ──loss──▶ claiming ──won──▶ alone
 *     ▲                                                │   ▲                  │
 *     └───────────── backup left, diverged ────────────┘   └─ (a new join)    └─lost──▶ over
 *
 *   protected ──handover asked──▶ handing over ──won by the backup──▶ over
 *   any ──guest ended, all performed──▶ recording the end ──▶ over
 * ```
 *
 * It owns the output gate: what is performed, when, is decided here. No clock, no I/O, no random:
 * the caller carries effects out in array order and reports what came of them. DESIGN.md section 5 has
 * the rules; docs/PROTOCOL.md has what happens at each point where a side can die.
 *
 * Source: Scales et al. 2010, sections 2.2 to 2.4.
 */
import { assert } from "../base/assert.ts";
import { ExitCode, type ExitCodeValue } from "../base/errors.ts";
import { type MessageOf, PROTOCOL_VERSION } from "./messages.ts";
import { type Output, OutputGate } from "./output_gate.ts";
import type { ClaimOutcome, Connection, Halt, MachineEnd } from "./types.ts";
import type { Message } from "./messages.ts";

/** What does not change while a primary reigns. */
export interface PrimaryRules {
  readonly machineId: string;
  readonly memoryBytes: number;
  /** An ack counts once the frame has been replayed, not already when it has been received. */
  readonly commitReplayed: boolean;
  readonly heartbeatMs: number;
  /** Silence for longer than this is a suspicion. */
  readonly timeoutMs: number;
  /** Wait between two claims when the arbiter is out of reach. */
  readonly claimRetryMs: number;
  /** Bytes of log that the backup may have received and not yet replayed. */
  readonly windowBytes: number;
  /** Bytes of output that may be held. */
  readonly heldBytesMax: number;
}

/** A frame of the log, as the machine's thread closed it. */
export interface LoggedFrame {
  /** Which session the frame belongs to: the number that `startLog` named. */
  readonly session: number;
  readonly sequence: number;
  readonly through: number;
  /** Console input that the log up to here has consumed: a stream offset. */
  readonly inputOffset: number;
  /** The frame completes the state that the session began with. */
  readonly completesState: boolean;
  readonly bytes: Uint8Array;
}

/** What can happen to a primary. */
export type PrimaryInput =
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly connection: Connection; readonly message: Message }
  | { readonly type: "closed"; readonly connection: Connection; readonly why: string }
  | { readonly type: "frame"; readonly frame: LoggedFrame }
  | { readonly type: "output"; readonly output: Output }
  | { readonly type: "performed"; readonly sink: number }
  | { readonly type: "claimed"; readonly generation: number; readonly outcome: ClaimOutcome }
  | { readonly type: "probed"; readonly reachable: boolean; readonly why: string }
  | { readonly type: "paused"; readonly sequence: number }
  | { readonly type: "guestEnded"; readonly end: MachineEnd; readonly sequence: number }
  | { readonly type: "handover" };

/** What a primary wants done. */
export type PrimaryEffect =
  | { readonly type: "send"; readonly connection: Connection; readonly message: Message }
  | { readonly type: "sendFrame"; readonly connection: Connection; readonly frame: LoggedFrame }
  | { readonly type: "close"; readonly connection: Connection; readonly why: string }
  | { readonly type: "perform"; readonly output: Output }
  /** The backup holds the log of console input up to this offset. (Alone, all input is committed.) */
  | { readonly type: "inputCommitted"; readonly offset: number }
  /** Log from the machine's whole state on, frames numbered from 1. */
  | { readonly type: "startLog"; readonly session: number; readonly generation: number }
  | { readonly type: "stopLog" }
  | { readonly type: "claim"; readonly generation: number; readonly ended: boolean }
  | { readonly type: "probeArbiter" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "report"; readonly text: string }
  | ({ readonly type: "halt" } & Halt);

/** Where a primary stands. */
export type PrimaryMode = "alone" | "protected" | "claiming" | "ending" | "over";

interface Session {
  readonly connection: Connection;
  readonly who: string;
  readonly number: number;
  isProtected: boolean;
  /** Known once the frame that completes the state has been closed. */
  stateSequence: number | undefined;
  /** Our clock when we sent what the backup last echoed: it lived after that. */
  heardMs: number;
  received: number;
  replayed: number;
  point: number;
  /** Sent, not yet acknowledged as the commit mode asks. */
  readonly unacked: LoggedFrame[];
  /** Sent, not yet replayed: sequence and size. */
  readonly unreplayed: { readonly sequence: number; readonly bytes: number }[];
  unreplayedBytes: number;
}

type Handover = "probing" | "pausing" | "draining" | "offered";

/** The primary's state machine. */
export class PrimaryProtocol {
  readonly gate: OutputGate;
  #mode: PrimaryMode = "alone";
  #session: Session | undefined;
  #sessions = 0;
  #handover: Handover | undefined;
  #pausedSequence = 0;
  #end: MachineEnd | undefined;
  #endSequence = 0;
  #claimRetryAtMs: number | undefined;
  #lastHeartbeatMs = -Infinity;
  #divergences = 0;
  #effects: PrimaryEffect[] = [];

  /**
   * @param rules see {@link PrimaryRules}
   * @param generation the generation that this side has won
   * @param kept outputs that a takeover found without a notice: they are performed first
   */
  constructor(readonly rules: PrimaryRules, public generation: number, kept: readonly Output[] = []) {
    this.gate = new OutputGate();
    this.gate.releaseThrough(Infinity);
    for (const output of kept) this.gate.add(output);
  }

  /** Where it stands. */
  get mode(): PrimaryMode {
    return this.#mode;
  }

  /** The backup, if one is joined or joining. */
  get session(): Readonly<Session> | undefined {
    return this.#session;
  }

  /** Divergences that backups reported. */
  get divergences(): number {
    return this.#divergences;
  }

  /** Whether more frames and outputs may come in; while not, the machine's thread has to wait. */
  get accepting(): boolean {
    return (this.#session?.unreplayedBytes ?? 0) < this.rules.windowBytes &&
      this.gate.heldBytes < this.rules.heldBytesMax;
  }

  /** Takes one input in; returns what is to be done, in order. */
  step(input: PrimaryInput, nowMs: number): PrimaryEffect[] {
    this.#effects = [];
    if (this.#mode !== "over") {
      this.#take(input, nowMs);
      this.#suspect(nowMs);
      this.#progress();
    }
    return this.#effects;
  }

  #take(input: PrimaryInput, nowMs: number): void {
    switch (input.type) {
      case "tick":
        return this.#tick(nowMs);
      case "message":
        return this.#message(input.connection, input.message, nowMs);
      case "closed":
        if (input.connection === this.#session?.connection) this.#lose(input.why);
        return;
      case "frame":
        return this.#frame(input.frame);
      case "output":
        return this.gate.add(input.output);
      case "performed":
        return this.#performed(input.sink);
      case "claimed":
        return this.#claimed(input.generation, input.outcome, nowMs);
      case "probed":
        return this.#probed(input.reachable, input.why);
      case "paused":
        this.#pausedSequence = input.sequence;
        if (this.#handover === "pausing") this.#handover = "draining";
        return;
      case "guestEnded":
        this.#end = input.end;
        this.#endSequence = input.sequence;
        if (this.#session !== undefined && !this.#session.isProtected) {
          this.#dropSession("the guest has ended", { retry: false });
        }
        return;
      case "handover":
        return this.#askHandover();
    }
  }

  #tick(nowMs: number): void {
    const session = this.#session;
    if (session !== undefined && nowMs - this.#lastHeartbeatMs >= this.rules.heartbeatMs) {
      this.#lastHeartbeatMs = nowMs;
      this.#send(session.connection, { type: "heartbeat", sentMs: nowMs });
    }
    if (this.#claimRetryAtMs !== undefined && nowMs >= this.#claimRetryAtMs) {
      this.#claimRetryAtMs = undefined;
      this.#claim();
    }
  }

  #message(connection: Connection, message: Message, nowMs: number): void {
    if (message.type === "hello") return this.#hello(connection, message, nowMs);
    const session = this.#session;
    if (session === undefined || session.connection !== connection) {
      return this.#close(connection, `${message.type} message outside of a session`);
    }
    switch (message.type) {
      case "ack":
        return this.#ack(session, message);
      case "diverged":
        this.#divergences++;
        this.#report(
          `the backup diverged at execution point ${message.point}, ${message.place}: ` +
            `recorded ${message.recorded}, replayed ${message.replayed}`,
        );
        return this.#goAlone(`${session.who} diverged and renounced its claim`);
      case "leave":
        return this.#goAlone(`${session.who} left: ${message.why}`);
      case "won":
        if (this.#handover !== "offered") {
          return this.#breach(session, "claims to have won a handover that was not offered");
        }
        return this.#halt(ExitCode.ok, `handed over to ${session.who}`);
      default:
        return this.#breach(session, `a ${message.type} message, which only a primary sends`);
    }
  }

  #hello(connection: Connection, hello: MessageOf<"hello">, nowMs: number): void {
    const refusal = this.#refusal(hello);
    if (refusal !== undefined) {
      this.#send(connection, { type: "refuse", ...refusal });
      return this.#close(connection, refusal.why);
    }
    const { machineId, memoryBytes, commitReplayed, heartbeatMs, timeoutMs } = this.rules;
    const number = ++this.#sessions;
    this.#session = {
      connection,
      who: hello.who,
      number,
      isProtected: false,
      stateSequence: undefined,
      heardMs: nowMs,
      received: 0,
      replayed: 0,
      point: 0,
      unacked: [],
      unreplayed: [],
      unreplayedBytes: 0,
    };
    const { generation } = this;
    this.#send(connection, {
      type: "welcome",
      machineId,
      generation,
      memoryBytes,
      commitReplayed,
      heartbeatMs,
      timeoutMs,
    });
    this.#report(`${hello.who} joins`);
    this.#effects.push({ type: "startLog", session: number, generation });
  }

  #refusal(hello: MessageOf<"hello">): { why: string; retry: boolean } | undefined {
    const { machineId } = this.rules;
    if (hello.protocol !== PROTOCOL_VERSION) {
      const why = `protocol version ${hello.protocol}, expected ${PROTOCOL_VERSION}`;
      return { why: `${why}: run the same release on both sides`, retry: false };
    }
    if (hello.machineId !== "" && hello.machineId !== machineId) {
      return { why: `this is machine ${machineId}, not ${hello.machineId}`, retry: false };
    }
    if (this.#session !== undefined) {
      return { why: `${this.#session.who} is the backup already`, retry: false };
    }
    if (this.#mode !== "alone" || this.#end !== undefined) {
      return { why: `the primary can't take a backup while ${this.#mode}`, retry: true };
    }
    return undefined;
  }

  #frame(frame: LoggedFrame): void {
    const session = this.#session;
    if (session === undefined || frame.session !== session.number) return;
    if (frame.completesState) session.stateSequence = frame.sequence;
    session.unacked.push(frame);
    session.unreplayed.push({ sequence: frame.sequence, bytes: frame.bytes.length });
    session.unreplayedBytes += frame.bytes.length;
    this.#effects.push({ type: "sendFrame", connection: session.connection, frame });
  }

  #ack(session: Session, ack: MessageOf<"ack">): void {
    const last = session.unacked.at(-1)?.sequence ?? session.received;
    const isSane = ack.received >= session.received && ack.received <= Math.max(last, session.received) &&
      ack.replayed >= session.replayed && ack.replayed <= ack.received;
    if (!isSane) {
      return this.#breach(
        session,
        `an ack of ${ack.received} received and ${ack.replayed} replayed, after ` +
          `${session.received} and ${session.replayed}, with ${last} sent`,
      );
    }
    session.received = ack.received;
    session.replayed = ack.replayed;
    session.point = ack.point;
    session.heardMs = Math.max(session.heardMs, ack.echoMs);
    while (session.unreplayed[0] !== undefined && session.unreplayed[0].sequence <= ack.replayed) {
      session.unreplayedBytes -= session.unreplayed.shift()!.bytes;
    }
    const acked = this.rules.commitReplayed ? ack.replayed : ack.received;
    let covered: LoggedFrame | undefined;
    while (session.unacked[0] !== undefined && session.unacked[0].sequence <= acked) {
      covered = session.unacked.shift();
    }
    if (session.isProtected && covered !== undefined) this.#covered(covered);
    if (
      !session.isProtected && session.stateSequence !== undefined &&
      session.replayed >= session.stateSequence
    ) {
      this.#protect(session, session.stateSequence, covered);
    }
  }

  #covered({ through, inputOffset }: LoggedFrame): void {
    this.gate.releaseThrough(through);
    this.#effects.push({ type: "inputCommitted", offset: inputOffset });
  }

  /** The backup has the whole state: from here on outputs are held for it. */
  #protect(session: Session, stateSequence: number, covered: LoggedFrame | undefined): void {
    session.isProtected = true;
    this.#mode = "protected";
    this.gate.releaseThrough(-1);
    if (covered !== undefined) this.#covered(covered);
    this.#send(session.connection, { type: "protected", stateSequence });
    this.#report(`protected: ${session.who} has the machine's state and follows`);
  }

  #performed(sink: number): void {
    const offset = this.gate.performed(sink);
    const session = this.#session;
    if (session !== undefined) this.#send(session.connection, { type: "done", sink, offset });
  }

  /** Suspicion is a matter of time alone: what arrives late does not undo it. */
  #suspect(nowMs: number): void {
    const session = this.#session;
    if (session === undefined || nowMs - session.heardMs <= this.rules.timeoutMs) return;
    this.#lose(`nothing heard for ${Math.round(nowMs - session.heardMs)} ms`);
  }

  /** The session is over and the backup may claim: whoever goes on alone must win. */
  #lose(why: string): void {
    const session = this.#session!;
    if (!session.isProtected) return this.#dropSession(why, { retry: true });
    this.#endSession(why);
    // The end of the guest is being recorded in the next generation: that claim decides.
    if (this.#mode === "ending") return;
    this.#mode = "claiming";
    this.gate.releaseThrough(-1);
    this.#report(`the backup is lost (${why}); claiming generation ${this.generation + 1}`);
    this.#claim();
  }

  /** The peer does what no backup does. */
  #breach(session: Session, what: string): void {
    this.#report(`${session.who} breaks the protocol: ${what}`);
    this.#lose(what);
  }

  /** The backup will not claim: no arbitration is needed. */
  #goAlone(why: string): void {
    this.#endSession(why);
    if (this.#mode === "ending") return;
    this.#mode = "alone";
    this.#release();
    this.#report(`unprotected: ${why}`);
    this.#cancelHandover();
  }

  #dropSession(why: string, { retry }: { retry: boolean }): void {
    this.#send(this.#session!.connection, { type: "refuse", why, retry });
    this.#endSession(why);
    this.#report(`the join failed: ${why}`);
  }

  #endSession(why: string): void {
    this.#close(this.#session!.connection, why);
    this.#session = undefined;
    this.#effects.push({ type: "stopLog" });
  }

  #claim(): void {
    const ended = this.#mode === "ending";
    this.#effects.push({ type: "claim", generation: this.generation + 1, ended });
  }

  #claimed(generation: number, outcome: ClaimOutcome, nowMs: number): void {
    assert(
      generation === this.generation + 1,
      `an answer about generation ${generation}, expected ${this.generation + 1}`,
    );
    switch (outcome.kind) {
      case "unreachable":
        this.#claimRetryAtMs = nowMs + this.rules.claimRetryMs;
        return this.#report(`outputs stay held: the arbiter is out of reach: ${outcome.why}`);
      case "lost":
        if (this.#handover === "offered") {
          return this.#halt(ExitCode.ok, `handed over to ${outcome.holder}`);
        }
        return this.#halt(
          ExitCode.lost,
          `lost generation ${generation} of ${this.rules.machineId} to ${outcome.holder}`,
        );
      case "won":
        this.generation = generation;
        if (this.#mode === "ending") return this.#recordedEnd();
        this.#mode = "alone";
        this.#release();
        this.#report(`unprotected: goes on alone as generation ${generation}`);
        return this.#cancelHandover();
    }
  }

  #release(): void {
    this.gate.releaseThrough(Infinity);
  }

  #askHandover(): void {
    if (this.#mode !== "protected" || this.#end !== undefined) {
      return this.#report("no handover: there is no backup that follows");
    }
    if (this.#handover !== undefined) return;
    this.#handover = "probing";
    this.#effects.push({ type: "probeArbiter" });
  }

  #probed(reachable: boolean, why: string): void {
    if (this.#handover !== "probing") return;
    if (reachable) {
      this.#handover = "pausing";
      this.#effects.push({ type: "pause" });
    } else {
      this.#handover = undefined;
      this.#report(`no handover: the arbiter is out of reach: ${why}`);
    }
  }

  #cancelHandover(): void {
    if (this.#handover === undefined) return;
    this.#handover = undefined;
    this.#report("the handover did not come about; the machine goes on here");
    this.#effects.push({ type: "resume" });
  }

  /** What follows from where things stand, whatever the input was. */
  #progress(): void {
    if (this.#mode === "over") return;
    for (const output of this.gate.take()) this.#effects.push({ type: "perform", output });
    const session = this.#session;
    if (this.#handover === "draining" && session !== undefined && this.gate.isEmpty) {
      if (session.received >= this.#pausedSequence) {
        this.#handover = "offered";
        this.#send(session.connection, { type: "handover", sequence: this.#pausedSequence });
      }
    }
    if (this.#end === undefined || !this.gate.isEmpty) return;
    const acked = this.rules.commitReplayed ? session?.replayed : session?.received;
    const isCommitted = acked === undefined || acked >= this.#endSequence;
    if (isCommitted && (this.#mode === "alone" || this.#mode === "protected")) {
      this.#mode = "ending";
      this.#claim();
    }
  }

  #recordedEnd(): void {
    const { why } = this.#end!;
    if (this.#session !== undefined) {
      this.#send(this.#session.connection, { type: "ended", why });
      this.#close(this.#session.connection, why);
      this.#session = undefined;
    }
    this.#halt(this.#end!.code === 0 ? ExitCode.ok : ExitCode.guest, why);
  }

  #halt(code: ExitCodeValue, why: string): void {
    this.#mode = "over";
    this.#effects.push({ type: "halt", code, why });
  }

  #send(connection: Connection, message: Message): void {
    this.#effects.push({ type: "send", connection, message });
  }

  #close(connection: Connection, why: string): void {
    this.#effects.push({ type: "close", connection, why });
  }

  #report(text: string): void {
    this.#effects.push({ type: "report", text });
  }
}
