/**
 * What a primary knows of one backup's session: what was sent, what the backup says it has, when it was
 * last heard. The bookkeeping of the logging channel, and the checks of what acks may say.
 *
 * "Heard" is never the moment at which an ack was read: a side that was stopped reads old ones when it
 * wakes. It is the moment, by our own clock, at which we sent what the ack echoes; the backup lived after
 * that, and its own patience began after that too.
 *
 * Used by the primary's protocol, one a session.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { Fifo } from "../base/fifo.ts";
import { joinSilenceMs } from "../base/limits.ts";
import type { MessageOf } from "./messages.ts";
import { FrameOrder } from "./frame_order.ts";
import { LinkWindow } from "./link_window.ts";
import type { LoggedFrame, PrimaryEffect, PrimaryInput, PrimaryRules } from "./primary_types.ts";
import type { Connection } from "./types.ts";

/** A frame that was logged, without its bytes. */
type FrameMark = Pick<LoggedFrame, "sequence" | "through" | "inputOffset">;

/** How far a backup's replay is behind the log, as far as its acks tell. */
export interface ReplayLag {
  /** The execution lag: how old the oldest log is that is not replayed, in milliseconds. */
  readonly lagMs: number;
  /** For how long the guest ran to make all the log that is not replayed, in milliseconds. */
  readonly unreplayedRunMs: number;
  /** The same of all log that is, from the guest's start on. */
  readonly replayedRunMs: number;
}

/** One backup's session. */
export class PrimarySession {
  /** `protected` has been sent: the backup may claim. */
  isProtected = false;
  /** Our clock when we sent what the backup last echoed. */
  heardMs: number;
  /** The last frame that was sent. */
  sent = 0;
  /** The last frame that was logged; what is not sent yet waits for the link. */
  logged = 0;
  /** The last frame that the backup has received. */
  received = 0;
  /** The last frame that it has replayed. */
  replayed = 0;
  /** The execution point that its replay has reached. */
  point = 0;
  /** Puts frames in the order in which they are to be logged. */
  readonly order = new FrameOrder();
  /** It has diverged and not asked for a state yet: there is no log. */
  awaitsRenewal = false;
  /** Pages whose hashes it has told on the way to its new state. */
  toldPages = 0;
  /** The last frame that was acknowledged as the commit mode asks. */
  acked: FrameMark | undefined;
  #stateSequence: number | undefined;
  #sentThrough = 0;
  #beatMs = 0;
  #lastBeatMs = -Infinity;
  readonly #unacked = new Fifo<FrameMark>();
  readonly #unreplayed = new Fifo<{
    readonly sequence: number;
    readonly bytes: number;
    readonly isPages: boolean;
    readonly loggedMs: number;
    readonly ranUs: number;
  }>();
  #unreplayedBytes = 0;
  #unappliedBytes = 0;
  readonly #link: LinkWindow;
  #loggedRanUs = 0;
  #replayedRanUs = 0;

  /**
   * @param connection the logging channel
   * @param who how the backup calls itself, for people
   * @param number of this session, from 1
   * @param rules the primary's
   * @param nowMs when its hello was read
   */
  constructor(
    readonly connection: Connection,
    readonly who: string,
    readonly number: number,
    private readonly rules: Pick<
      PrimaryRules,
      "commitReplayed" | "burstBytes" | "pageWindowBytes" | "timeoutMs" | "heartbeatMs"
    >,
    nowMs: number,
  ) {
    this.heardMs = nowMs;
    this.#link = new LinkWindow(rules.burstBytes, rules.timeoutMs / 4, nowMs);
  }

  /**
   * The session of the same backup once it has diverged: its log begins anew, and nothing of the old one counts.
   * @param number of the new session
   */
  renewed(number: number): PrimarySession {
    const session = new PrimarySession(this.connection, this.who, number, this.rules, this.heardMs);
    session.#beatMs = this.#beatMs;
    session.awaitsRenewal = true;
    return session;
  }

  /** Whether it was silent for longer than it may be; while it joins, nothing depends on it yet. */
  isSilent(nowMs: number, timeoutMs: number): boolean {
    return nowMs - this.heardMs >
      (this.isProtected ? timeoutMs : Math.max(timeoutMs, joinSilenceMs));
  }

  /** Log that has not been replayed, in bytes; what waits for its turn is part of it. */
  get unreplayedBytes(): number {
    return this.#unreplayedBytes + this.order.aheadBytes;
  }

  /** Pages of the state that have not been applied, in bytes of their frames. */
  get unappliedBytes(): number {
    return this.#unappliedBytes;
  }

  /** Of how many bytes one more frame with pages may be: a fraction of what the link carries; 0: none may come. */
  get pageRoomBytes(): number {
    return this.#unappliedBytes < this.rules.pageWindowBytes ? this.#link.limitBytes / 4 : 0;
  }

  /** It has been sent `welcome` or `renewing`, and the machine's state is not whole in its log yet. */
  get awaitsState(): boolean {
    return !this.awaitsRenewal && this.#stateSequence === undefined;
  }

  /** The frame that completed the state that the session began with, once it has been replayed. */
  get replayedState(): number | undefined {
    const sequence = this.#stateSequence;
    return sequence !== undefined && this.replayed >= sequence ? sequence : undefined;
  }

  /** Whether the frame `sequence` and all before it are acknowledged as the commit mode asks. */
  holds(sequence: number): boolean {
    return (this.rules.commitReplayed ? this.replayed : this.received) >= sequence;
  }

  /** How far the replay is behind. Undefined before the state is replayed: nothing could be behind yet. */
  replayLag(nowMs: number): ReplayLag | undefined {
    if (this.replayedState === undefined) return undefined;
    const oldest = this.#unreplayed.first;
    return {
      lagMs: oldest === undefined ? 0 : nowMs - oldest.loggedMs,
      unreplayedRunMs: (this.#loggedRanUs - this.#replayedRanUs) / 1000,
      replayedRunMs: this.#replayedRanUs / 1000,
    };
  }

  /**
   * It is a frame's turn: it goes out when the link can take it.
   * @param isPages it has pages of the state, made while the machine ran
   */
  log(frame: LoggedFrame, nowMs: number, isPages = false): void {
    const { sequence, through, inputOffset, ranUs, completesState, bytes } = frame;
    const expected = this.logged + 1;
    assert(sequence === expected, `frame ${sequence} of the log, expected ${expected}`);
    this.logged = sequence;
    this.#loggedRanUs = ranUs;
    if (completesState) this.#stateSequence = sequence;
    this.#unacked.push({ sequence, through, inputOffset });
    this.#unreplayed.push({ sequence, bytes: bytes.length, isPages, loggedMs: nowMs, ranUs });
    if (isPages) this.#unappliedBytes += bytes.length;
    else this.#unreplayedBytes += bytes.length;
    this.#link.add(frame);
  }

  /** Sends the frames that can go out now. */
  send(): PrimaryEffect[] {
    const { connection } = this;
    return this.#link.take().map((frame) => {
      this.sent = frame.sequence;
      this.#sentThrough = frame.through;
      return { type: "sendFrame", connection, frame };
    });
  }

  /** How far the state transfer has come: told while the backup waits for its state. */
  transferred({ session, transfer }: PrimaryInput & { type: "transfer" }): PrimaryEffect[] {
    if (session !== this.number || this.isProtected) return [];
    return [{
      type: "send",
      connection: this.connection,
      message: { type: "transfer", ...transfer },
    }];
  }

  /** A heartbeat goes out. */
  beat(nowMs: number): void {
    this.#beatMs = nowMs;
  }

  /** The heartbeat that is due, if one is. */
  heartbeat(nowMs: number): PrimaryEffect[] {
    if (nowMs - this.#lastBeatMs < this.rules.heartbeatMs) return [];
    this.#lastBeatMs = nowMs;
    const sentMs = Math.floor(nowMs);
    this.beat(sentMs);
    const { connection } = this;
    return [{ type: "send", connection, message: { type: "heartbeat", sentMs } }];
  }

  /**
   * Takes an ack in, at `nowMs`.
   * @throws PeerError if it takes something back, or speaks of what was never sent
   */
  ack({ received, replayed, point, echoMs }: MessageOf<"ack">, nowMs: number): void {
    const limits = [
      ["received", received, this.received, this.sent],
      ["replayed", replayed, this.replayed, received],
      ["point", point, 0, this.#sentThrough],
      ["echoMs", echoMs, 0, this.#beatMs],
    ] as const;
    for (const [name, value, least, most] of limits) {
      if (value < least || value > most) {
        throw new PeerError(`an ack with ${name} ${value}, expected ${least} to ${most}`);
      }
    }
    this.received = received;
    this.#link.received(received, nowMs);
    this.replayed = replayed;
    this.point = point;
    this.heardMs = Math.max(this.heardMs, echoMs);
    while (this.#unreplayed.first !== undefined && this.#unreplayed.first.sequence <= replayed) {
      const { bytes, isPages, ranUs } = this.#unreplayed.shift()!;
      if (isPages) this.#unappliedBytes -= bytes;
      else this.#unreplayedBytes -= bytes;
      this.#replayedRanUs = ranUs;
    }
    while (this.#unacked.first !== undefined && this.holds(this.#unacked.first.sequence)) {
      this.acked = this.#unacked.shift();
    }
  }
}
