/**
 * The primary's side of the commit protocol, as a pure state machine: `step(input, nowMs) → effects`.
 *
 * ```
 *   alone ──hello──▶ alone, joining ──state acked──▶ securing ──all acked──▶ protected
 *     ▲                    │                            │                     │   │
 *     ├──── loss ──────────┴────────────────────────────┤                     │  loss
 *     ├──── the backup left: it renounced its claim ────┼─────────────────────┤   ▼
 *     └──── won ────────────────────────────────────────┼─────────────────────┼ claiming ──lost──▶ over
 *     protected ──the backup diverged──▶ healing ──state acked──▶ protected
 *
 *   protected ──handover asked──▶ handing over ──won by the backup──▶ over
 *   any ──guest ended, all performed──▶ recording the end ──▶ over
 * ```
 *
 * It owns the output gate: what is performed, when, is decided here. No clock, no I/O, no random: the caller
 * carries effects out in order, and reports what came of them. Source: Scales et al. 2010, 2.2 to 2.4.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { endedHalt, endEffects, handedOverHalt, lostHalt, unreachableText } from "./claim_words.ts";
import { Handover } from "./handover.ts";
import { divergenceTold, renewalOf } from "./healing.ts";
import { obstacleOf, refusalOf, welcomeOf } from "./join.ts";
import type { Message, MessageOf } from "./messages.ts";
import { type Output, OutputGate } from "./output_gate.ts";
import { PrimarySession } from "./primary_session.ts";
import type {
  LoggedFrame,
  PrimaryEffect,
  PrimaryInput,
  PrimaryMode,
  PrimaryRules,
} from "./primary_types.ts";
import { tellRules } from "./rules.ts";
import { Ruling } from "./ruling.ts";
import type { ClaimOutcome, Connection, Halt, MachineEnd } from "./types.ts";

export type { LoggedFrame, PrimaryEffect, PrimaryInput, PrimaryMode, PrimaryRules };

/** The primary's state machine. */
export class PrimaryProtocol {
  /** The outputs that are not done. */
  readonly gate = new OutputGate();
  #mode: PrimaryMode = "alone";
  readonly #handover = new Handover();
  #session: PrimarySession | undefined;
  #sessions = 0;
  #end: MachineEnd | undefined;
  #endSequence = 0;
  #claimRetryAtMs = Infinity;
  readonly #ruling: Ruling;
  #effects: PrimaryEffect[] = [];

  /**
   * @param generation the generation that this side has won
   * @param kept outputs that a takeover found without a notice: they are performed first
   */
  constructor(
    rules: PrimaryRules,
    public generation: number,
    kept: readonly Output[] = [],
  ) {
    this.#ruling = new Ruling(rules);
    this.gate.releaseThrough(Infinity);
    for (const output of kept) this.gate.adopt(output);
  }

  /** Where it stands. */
  get mode(): PrimaryMode {
    return this.#mode;
  }

  /** What it goes by now. */
  get rules(): PrimaryRules {
    return this.#ruling.rules;
  }

  /** The backup, if one is joined or joining. */
  get session(): Readonly<PrimarySession> | undefined {
    return this.#session;
  }

  /** Divergences that backups reported. */
  get divergences(): number {
    return this.#ruling.divergences;
  }

  /** Whether one more frame or output of the machine's thread may come in; while not, it has to wait. */
  get accepting(): boolean {
    // What holds outputs up in a healing comes after them: all that the thread has put out comes in.
    const isHealing = this.#mode === "healing" && this.#session!.awaitsState;
    return (this.#session?.unreplayedBytes ?? 0) < this.rules.windowBytes &&
      (isHealing || this.gate.heldBytes < this.rules.heldBytesMax);
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
        return input.connection === this.#session?.connection ? this.#lose(input.why) : undefined;
      case "pages":
      case "frame":
        return this.#frame(input.frame, input.type, nowMs);
      case "transfer":
        return void this.#effects.push(...(this.#session?.transferred(input) ?? []));
      case "output":
        return this.gate.add(input.output);
      case "performed":
        return this.#performed(input.sink);
      case "claimed":
        return this.#claimed(input.generation, input.outcome, nowMs);
      case "probed":
        return void this.#effects.push(...this.#handover.probed(input, this.#mode === "protected"));
      case "paused":
        return this.#handover.paused(input.sequence);
      case "guestEnded":
        this.#end = input.end;
        this.#endSequence = input.sequence;
        if (!this.#handover.isOffered) this.#effects.push(...this.#handover.cancel());
        if (this.#session !== undefined && !this.#session.isProtected) {
          this.#dropSession("the guest has ended", { retry: false });
        }
        return;
      case "set":
        this.#ruling.set(input.settings);
        return this.#tellRules("as it is told");
      case "handover":
        this.#effects.push(...this.#handover.ask(this.#mode === "protected" && !this.#end));
    }
  }

  #tick(nowMs: number): void {
    if (this.#session !== undefined) this.#effects.push(...this.#session.heartbeat(nowMs));
    if (nowMs >= this.#claimRetryAtMs) this.#claim();
  }

  #message(connection: Connection, message: Message, nowMs: number): void {
    const session = this.#session;
    if (session === undefined || session.connection !== connection) {
      if (message.type === "hello") return this.#hello(connection, message, nowMs);
      return this.#close(connection, `${message.type} message outside of a session`);
    }
    switch (message.type) {
      case "ack":
        return this.#ack(session, message, nowMs);
      case "diverged":
        return this.#diverged(session, message, nowMs);
      case "reported":
        return this.#report(`the divergence is described at ${session.who} in ${message.where}`);
      case "pages":
      case "renew":
        return void this.#allow(session, () => {
          this.#effects.push(...renewalOf(session, message, this));
        });
      case "leave":
        return this.#goAlone(`${session.who} left: ${message.why}`);
      case "won":
        if (!this.#handover.isOffered || message.generation !== this.generation + 1) {
          const what = `won generation ${message.generation}, which was not offered`;
          return this.#breach(session, what);
        }
        return this.#halt(handedOverHalt(session.who));
      default:
        return this.#breach(session, `a ${message.type} message, which no backup sends now`);
    }
  }

  #hello(connection: Connection, hello: MessageOf<"hello">, nowMs: number): void {
    const { rules, generation } = this;
    const refusal = refusalOf(hello, rules.machineId) ??
      obstacleOf(this.#session?.who, this.#mode, this.#end !== undefined);
    if (refusal !== undefined) {
      this.#send(connection, { type: "refuse", ...refusal });
      return this.#close(connection, refusal.why);
    }
    const session = ++this.#sessions;
    this.#session = new PrimarySession(connection, hello.who, session, rules, nowMs);
    this.#send(connection, welcomeOf(rules, generation));
    this.#report(`${hello.who} joins`);
    this.#effects.push({ type: "startLog", session, generation });
  }

  #frame(frame: LoggedFrame, type: "pages" | "frame", nowMs: number): void {
    const session = this.#session;
    if (session === undefined || frame.session !== session.number) return;
    for (const next of session.order.take(frame)) {
      session.log(next, nowMs, type === "pages" && next === frame);
      this.#effects.push(...this.#handover.logged(next.sequence));
      // Once the backup has replayed that it may claim again: from here on whoever goes on alone must win.
      if (next.completesState && this.#mode === "healing") session.isProtected = true;
    }
    this.#effects.push(...session.send());
  }

  #ack(session: PrimarySession, ack: MessageOf<"ack">, nowMs: number): void {
    const before = session.acked;
    if (!this.#allow(session, () => session.ack(ack, nowMs))) return;
    this.#effects.push(...session.send());
    const { acked, replayedState } = session;
    if (acked !== undefined && acked !== before) {
      this.#effects.push({ type: "inputCommitted", offset: acked.inputOffset });
    }
    if (replayedState === undefined) return;
    if (this.#mode === "healing") this.#mode = "protected";
    if (this.#mode === "alone") {
      this.#mode = "securing";
      this.gate.releaseThrough(-1);
    }
    const through = acked?.through ?? -1;
    if (this.#mode === "securing") {
      const isStale = nowMs - session.heardMs > this.rules.timeoutMs / 2;
      if (isStale || through < this.gate.takenThrough) return;
      this.#protect(session, replayedState);
    }
    this.gate.releaseThrough(through);
  }

  /** It has renounced its claim. If it had one, nothing is performed until it has the machine's state anew. */
  #diverged(session: PrimarySession, message: MessageOf<"diverged">, nowMs: number): void {
    const { who, connection } = session;
    this.#effects.push(...divergenceTold(session, message));
    if (this.#end !== undefined) return this.#goAlone(`${who} diverged and renounced its claim`);
    const { verdict, why } = this.#ruling.diverged(nowMs);
    if (verdict === "unfit") {
      this.#send(connection, { type: "refuse", why: `unfit after ${why}`, retry: false });
      return this.#goAlone(`${who} is unfit after ${why}`);
    }
    if (verdict === "checkpoint") this.#tellRules(`after ${why}`);
    this.#effects.push(...this.#handover.cancel(), { type: "stopLog" });
    this.#session = session.renewed(++this.#sessions);
    if (this.#mode === "securing") this.#beAlone();
    if (this.#mode === "alone") return;
    this.#mode = "healing";
    this.gate.releaseThrough(-1);
    this.#report(`outputs are held until ${who} has the machine's state anew`);
  }

  /** The rules have changed. The backup may have to reign by them. */
  #tellRules(why: string): void {
    const how = this.rules.checkpointing ? "takes states" : "replays";
    this.#report(`from now on a backup ${how}, ${why}`);
    this.#effects.push({ type: "logRules" });
    if (this.#session !== undefined) this.#send(this.#session.connection, tellRules(this.rules));
  }

  /** The backup may claim from here on: by now it has the log of all that was performed before, too. */
  #protect(session: PrimarySession, stateSequence: number): void {
    session.isProtected = true;
    this.#mode = "protected";
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
    if (!session?.isSilent(nowMs, this.rules.timeoutMs)) return;
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

  /** Does what a backup asks for; returns whether it may ask for that. */
  #allow(session: PrimarySession, act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.#breach(session, error.message);
      return false;
    }
  }

  /** The peer does what no backup does. */
  #breach(session: PrimarySession, what: string): void {
    this.#report(`${session.who} breaks the protocol: ${what}`);
    this.#lose(what);
  }

  /** The backup will not claim: no arbitration is needed. */
  #goAlone(why: string): void {
    this.#endSession(why);
    if (this.#mode === "ending") return;
    this.#beAlone();
    this.#report(`unprotected: ${why}`);
  }

  #dropSession(why: string, { retry }: { retry: boolean }): void {
    this.#send(this.#session!.connection, { type: "refuse", why, retry });
    const what = this.#mode === "healing" ? "healing" : "join";
    this.#endSession(why);
    this.#beAlone();
    this.#report(`the ${what} failed: ${why}`);
  }

  #endSession(why: string): void {
    this.#close(this.#session!.connection, why);
    this.#session = undefined;
    this.#effects.push({ type: "stopLog" });
  }

  #claim(): void {
    this.#claimRetryAtMs = Infinity;
    const ended = this.#mode === "ending";
    this.#effects.push({ type: "claim", generation: this.generation + 1, ended });
  }

  #claimed(generation: number, outcome: ClaimOutcome, nowMs: number): void {
    const next = this.generation + 1;
    assert(generation === next, `an answer about generation ${generation}, expected ${next}`);
    switch (outcome.kind) {
      case "unreachable":
        this.#claimRetryAtMs = nowMs + this.rules.claimRetryMs;
        return this.#report(unreachableText(this.#mode, outcome.why));
      case "lost":
        if (this.#handover.isOffered) return this.#halt(handedOverHalt(outcome.holder));
        return this.#halt(lostHalt(generation, this.rules.machineId, outcome.holder));
      case "won":
        this.generation = generation;
        if (this.#mode === "ending") {
          this.#effects.push(...endEffects(this.#end!, this.#session?.connection));
          return this.#halt(endedHalt(this.#end!));
        }
        this.#beAlone();
        return this.#report(`unprotected: goes on alone as generation ${generation}`);
    }
  }

  #beAlone(): void {
    this.#mode = "alone";
    this.gate.releaseThrough(Infinity);
    this.#effects.push(...this.#handover.cancel());
  }

  /** What follows from where things stand, whatever the input was. */
  #progress(): void {
    if (this.#mode === "over") return;
    for (const output of this.gate.take()) this.#effects.push({ type: "perform", output });
    if (!this.gate.isEmpty) return;
    const session = this.#session;
    const offer = session && this.#handover.offer(session.received);
    if (offer !== undefined) this.#send(session!.connection, offer);
    if (this.#end === undefined) return;
    const isCommitted = session === undefined || session.holds(this.#endSequence);
    if (isCommitted && (this.#mode === "alone" || this.#mode === "protected")) {
      this.#mode = "ending";
      this.#claim();
    }
  }

  #halt(halt: Halt): void {
    this.#mode = "over";
    this.#effects.push({ type: "halt", ...halt });
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
