/**
 * What an observer who sees everything knows of one logging channel: what truly lies where, whatever the two
 * protocol machines believe.
 */
import type { LoggedFrame } from "../../protocol/primary.ts";

/** See the top of the file. */
export class Evidence {
  /** The generation that the primary acts in. */
  generation = 0;
  /** Frames as the primary has sent them, each of its sessions by itself; index 0 is frame 1. */
  readonly #logs = new Map<number, LoggedFrame[]>();
  /** The session of the primary's that the backup is in; undefined: the first one of this connection. */
  #session: number | undefined;
  /** The backup has diverged and was not healed. */
  hasRenounced = false;
  /** The last frame that the backup has taken in as it was sent. */
  heldSequence = 0;
  /** The backup has taken in the true log through this execution point... */
  heldThrough = -1;
  /** ... which has consumed console input up to this offset. */
  heldInput = -1;
  /** The backup has replayed and verified through this execution point. */
  replayedThrough = -1;
  /** As {@link heldInput}, replayed. */
  replayedInput = -1;
  /** The backup knows that it may claim. */
  isProtectedHeard = false;
  /** The backup was offered the machine. */
  isHandoverHeard = false;
  /** The notices that reached the backup in its session: per sink, done below this offset. */
  readonly doneHeard: number[] = [0, 0];
  /** When the backup saw the connection end while it followed: from then on it may claim without waiting. */
  endSeenMs: number | undefined;

  /** The log of the session that the backup is in. */
  get sent(): readonly LoggedFrame[] {
    const [first] = this.#logs.values();
    return (this.#session === undefined ? first : this.#logs.get(this.#session)) ?? [];
  }

  /** The primary sends this frame. */
  noteSent(frame: LoggedFrame): void {
    const log = this.#logs.get(frame.session) ?? [];
    this.#logs.set(frame.session, log);
    log.push(frame);
  }

  /** The backup has diverged: what it holds is of no use. */
  noteDiverged(): void {
    this.hasRenounced = true;
    this.isProtectedHeard = this.isHandoverHeard = false;
    this.heldSequence = 0;
    this.heldThrough =
      this.heldInput =
      this.replayedThrough =
      this.replayedInput =
        -1;
  }

  /** The log begins anew. */
  noteRenewing(session: number): void {
    this.#session = session;
  }

  /** The backup has taken this frame in, if it is the one that was sent. */
  noteHeld(sequence: number, bytes: Uint8Array): void {
    const frame = this.sent[sequence - 1];
    if (frame === undefined || !equalBytes(frame.bytes, bytes)) return;
    this.heldSequence = sequence;
    this.heldThrough = frame.through;
    this.heldInput = frame.inputOffset;
  }

  /** The backup's machine has verified this frame. */
  noteReplayed(sequence: number): void {
    const frame = this.sent[sequence - 1];
    if (frame === undefined) return;
    this.replayedThrough = frame.through;
    this.replayedInput = frame.inputOffset;
  }
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
