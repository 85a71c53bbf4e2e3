/**
 * The network: connections as two streams of bytes, each in order, with delays; between connections there
 * is no order. A stream can stall, break off at any byte, or carry a byte that was altered.
 *
 * Frames are cut out of a stream as link/frame_reader.ts cuts them, by the codec's own header.
 */
import { HEADER_BYTES } from "../../codec/codec.ts";
import { PeerError } from "../../base/errors.ts";
import { logFraming } from "../../link/log_framing.ts";
import type { Random } from "../support/random.ts";
import { Evidence } from "./evidence.ts";
import type { SimProcess } from "./process.ts";

/** What may wait in one direction: link/ gives a connection up that is further behind. */
export const LANE_BYTES_MAX = 64 << 10;

/** What travels: bytes, or the end of the stream. */
type Chunk = Uint8Array | "end" | "broken";

/** One direction of a connection. */
export class Lane {
  #chunks: Chunk[] = [];
  #lastAtMs = 0;
  #isEnded = false;
  #isStalled = false;
  /** Arrivals that wait for the end of the stall. */
  #late = 0;
  /** The beginning of a frame that has not come in whole. */
  #part: Uint8Array | undefined;
  bytes = 0;
  #damageShare: number | undefined;

  constructor(
    readonly connection: Connection,
    readonly from: SimProcess,
    readonly to: SimProcess,
    private readonly random: Random,
  ) {}

  /** Sends bytes, perhaps in two pieces. */
  send(frame: Uint8Array): void {
    if (this.#isEnded) return;
    const bytes = this.#damageShare === undefined ? frame : this.#damaged(frame);
    if (this.random.below(20) > 0) return this.#push(bytes);
    const at = this.random.below(bytes.length + 1);
    this.#push(bytes.subarray(0, at));
    this.#push(bytes.subarray(at));
  }

  /** Nothing follows. */
  end(): void {
    if (this.#isEnded) return;
    this.#push("end");
    this.#isEnded = true;
  }

  /** Breaks: of what is on its way, some bytes still arrive. @param isSilent the end does not */
  cut(share: number, isSilent = false): void {
    let left = Math.floor(share * (this.bytes + 1));
    const kept: Chunk[] = [];
    for (const chunk of this.#chunks) {
      if (typeof chunk === "string" || left === 0) break;
      const part = chunk.subarray(0, left);
      kept.push(part);
      left -= part.length;
    }
    this.#chunks = kept;
    this.bytes = kept.reduce((sum, { length }) => sum + length, 0);
    if (!isSilent) this.#push("broken");
    this.#isEnded = true;
  }

  /** A bit of what is sent next is turned over on its way. */
  damage(share: number): void {
    this.#damageShare = share;
  }

  /** Nothing arrives, and nobody is told. */
  stall(): void {
    this.#isStalled = true;
  }

  /** What was held up arrives now. */
  flow(): void {
    if (!this.#isStalled) return;
    this.#isStalled = false;
    const { scheduler } = this.from.world;
    for (; this.#late > 0; this.#late--) scheduler.after(this.#delayMs(), () => this.#arrive());
  }

  #damaged(frame: Uint8Array): Uint8Array {
    const altered = frame.slice();
    altered[Math.floor(this.#damageShare! * altered.length)]! ^= 1;
    this.#damageShare = undefined;
    this.from.world.hasDamage = true;
    return altered;
  }

  #push(chunk: Chunk): void {
    const { scheduler } = this.from.world;
    this.#chunks.push(chunk);
    if (typeof chunk !== "string") this.bytes += chunk.length;
    this.#lastAtMs = Math.max(this.#lastAtMs, scheduler.nowMs + this.#delayMs());
    scheduler.after(this.#lastAtMs - scheduler.nowMs, () => this.#arrive());
  }

  #delayMs(): number {
    const { config, slowNetworkUntilMs, scheduler } = this.from.world;
    const delayMs = config.networkMs * (0.5 + this.random.below(100) / 100);
    return scheduler.nowMs < slowNetworkUntilMs ? 10 * delayMs + this.random.below(60) : delayMs;
  }

  #arrive(): void {
    if (this.#isStalled) {
      this.#late++;
      return;
    }
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return;
    if (typeof chunk === "string") return this.#deliverEnd(chunk);
    this.bytes -= chunk.length;
    try {
      for (const frame of this.#cutFrames(chunk)) {
        this.to.onMain(() => this.to.receive(this.connection, frame));
      }
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.to.onMain(() => this.to.ended(this.connection, error.message));
      this.#isEnded = true;
      this.#chunks = [];
    }
  }

  #deliverEnd(how: "end" | "broken"): void {
    const why = this.#part !== undefined
      ? `the stream ends inside of a frame, after ${this.#part.length} bytes of it`
      : how === "end"
      ? "closed by the other side"
      : "the connection broke";
    this.to.onMain(() => this.to.ended(this.connection, why));
  }

  #cutFrames(chunk: Uint8Array): Uint8Array[] {
    let bytes = chunk;
    if (this.#part !== undefined) {
      bytes = new Uint8Array(this.#part.length + chunk.length);
      bytes.set(this.#part);
      bytes.set(chunk, this.#part.length);
      this.#part = undefined;
    }
    const frames: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const header = bytes.subarray(at, at + HEADER_BYTES) as Uint8Array<ArrayBuffer>;
      const end = at + HEADER_BYTES + logFraming.readHeader(header).payloadBytes;
      if (end > bytes.length) break;
      frames.push(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
    }
    if (at < bytes.length) this.#part = bytes.subarray(at);
    return frames;
  }
}

/** A logging channel: a backup's process has connected to another process. */
export class Connection {
  readonly toPrimary: Lane;
  readonly toBackup: Lane;
  /** What each side has truly sent, got and said on it. */
  readonly evidence: Evidence = new Evidence();
  /** The acceptor has had its hello. */
  isGreeted = false;
  /** Sides that have closed their end; for a moment what arrives is still read. */
  readonly #closing = new Set<SimProcess>();
  /** Sides that have been told that there is nothing to read any more. */
  readonly #ended = new Set<SimProcess>();

  constructor(
    readonly number: number,
    readonly backup: SimProcess,
    readonly primary: SimProcess,
    random: Random,
  ) {
    this.toPrimary = new Lane(this, backup, primary, random);
    this.toBackup = new Lane(this, primary, backup, random);
  }

  /** The direction in which this side sends. */
  laneFrom(process: SimProcess): Lane {
    return process === this.backup ? this.toPrimary : this.toBackup;
  }

  /** Whether this side has closed its end. */
  isClosedBy(process: SimProcess): boolean {
    return this.#closing.has(process);
  }

  /** Whether this side reads nothing any more. */
  isEndedFor(process: SimProcess): boolean {
    return this.#ended.has(process);
  }

  /** This side reads nothing any more. @returns whether it is told so for the first time */
  end(process: SimProcess): boolean {
    if (this.#ended.has(process)) return false;
    this.#ended.add(process);
    return true;
  }

  /** This side sends its last, and stops reading once that is gone. */
  close(process: SimProcess): void {
    if (this.#closing.has(process)) return;
    this.#closing.add(process);
    this.laneFrom(process).end();
    const { scheduler } = process.world;
    scheduler.after(
      process.random.below(100) / 40,
      () => process.onMain(() => process.ended(this, "closed")),
    );
  }

  /** Breaks in both directions. */
  cut(share: number, otherShare: number): void {
    this.toPrimary.cut(share);
    this.toBackup.cut(otherShare);
  }
}
