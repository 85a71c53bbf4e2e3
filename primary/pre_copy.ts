/**
 * Brings a machine's state to a backup while the guest runs: main's part of a state transfer in rounds. The backup
 * joins, or is healed.
 *
 * ```
 *   round 0      all pages that the backup does not have      the guest runs
 *   round 1 ···  what was written during the round before     the guest runs
 *   the stop     what was written since, copied out           the guest stands still for that
 *   the rest     those pages, vCPU and devices, then the log  the guest runs
 * ```
 *
 * Main reads guest memory where it is, and makes frames of it as fast as the protocol takes them. The vCPU's thread
 * says what was written (transfer_capture.ts); round_policy.ts says when to stop. The protocol knows nothing of
 * rounds: to it all this is pages, and then the state is whole.
 *
 * When the session ends before that, at whatever moment, `stop` leaves nothing behind: no loan, no dirty log, no
 * slowed guest; and the next transfer begins once the thread uses nothing of this one any more.
 *
 * Called by primary_side.ts.
 */
import { setImmediate } from "node:timers";
import { assert } from "../base/assert.ts";
import {
  nudgeMs,
  stagingPagesLeast,
  stagingPagesMax,
  transferReportMs,
  transferSliceMs,
} from "../base/limits.ts";
import { FrameEncoder } from "../codec/codec.ts";
import { PageEncoder } from "../codec/pages.ts";
import { Gauge } from "../machine/channel.ts";
import type { GuestMemory } from "../machine/guest_memory.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";
import { PAGES_PER_SECTION, pagesSection } from "../machine/state.ts";
import type { Transfer } from "../protocol/primary_types.ts";
import { countPages, isIn } from "./page_bitmap.ts";
import { PageChoice } from "./page_choice.ts";
import type { PreCopyParts, TransferAnswer } from "./pre_copy_parts.ts";
import { RoundPolicy } from "./round_policy.ts";
import { Staging } from "./staging.ts";

/** Pages in a frame at least, however little the link carries: less would be mostly headers. */
const FRAME_PAGES_LEAST = 4;

/** One transfer. */
export class PreCopy {
  /** Resolves when nothing of it is left, however it ended. */
  readonly done: Promise<void>;
  readonly #parts: PreCopyParts;
  readonly #memory: GuestMemory;
  readonly #policy: RoundPolicy;
  readonly #encoder = new FrameEncoder();
  readonly #pageEncoder = new PageEncoder();
  readonly #logStopped = Promise.withResolvers<void>();
  readonly #answers: TransferAnswer[] = [];
  #startedMs = performance.now();
  /** For how long pages were looked at: which of them are at the backup. */
  #lookedMs = 0;
  #reportedMs = -Infinity;
  #firstMs: number | undefined;
  #movingMs: number | null = null;
  readonly #choice: PageChoice;
  /** As long as something of it is left. */
  #earlier: PreCopy | undefined;
  #wake: (() => void) | undefined;
  #nudger: ReturnType<typeof setInterval> | undefined;
  #isStopped = false;
  #usesStaging = false;
  /** The guest was told to stand still. */
  #isStanding = false;
  #isWhole = false;
  #sequence = 0;
  #round = 0;
  #sentPages = 0;
  #leftPages: number;
  #wireBytes = 0;
  #stopUs = 0;
  /** Console input that is in the state for sure: a stream offset. */
  #inputOffset = 0;

  /** @param earlier the transfer before this one */
  constructor(parts: PreCopyParts, earlier: PreCopy | undefined) {
    const { memory } = parts.thread;
    assert(memory !== undefined, "a state transfer from a machine that is not there");
    this.#parts = parts;
    this.#memory = memory;
    this.#leftPages = memory.pages;
    this.#choice = new PageChoice(memory, parts.known);
    this.#policy = new RoundPolicy(this.#stagingPages);
    this.#earlier = earlier;
    this.done = this.#run();
  }

  /** The share of time in which the guest is to pause for it. */
  get share(): number {
    return this.#isStopped || this.#stopUs > 0 ? 0 : this.#policy.share;
  }

  /** How far it has come. */
  get transfer(): Transfer {
    return {
      round: this.#round,
      sentBytes: this.#sentPages * PAGE_BYTES,
      leftBytes: this.#leftPages * PAGE_BYTES,
      pauseShare: Math.round(this.share * 1000),
      stopUs: this.#stopUs,
    };
  }

  /** Figures for the status address. */
  status(): Record<string, unknown> {
    const { pauseShare, stopUs, ...rest } = this.transfer;
    return {
      ...rest,
      wireBytes: this.#wireBytes,
      frames: this.#sequence,
      movingMs: this.#movingMs,
      throttle: pauseShare / 1000,
      stopMs: stopUs === 0 ? null : stopUs / 1000,
      isUnderWay: !this.#isStopped && !this.#isWhole,
    };
  }

  /** The vCPU's thread has answered, perhaps an earlier transfer: that is of no use any more. */
  hear(answer: TransferAnswer): void {
    if (answer.session !== this.#parts.session) return;
    this.#answers.push(answer);
    if (answer.type === "staged") {
      this.#round++;
      this.#leftPages = answer.pages.length;
    } else if (answer.type === "captured") {
      this.#usesStaging = false;
      this.#stopUs = answer.stopUs;
      this.#report();
    }
    this.wake();
  }

  /** The vCPU's thread uses nothing of this session any more. */
  noteLogStopped(session: number): void {
    if (session === this.#parts.session) this.#logStopped.resolve();
    else this.#earlier?.noteLogStopped(session);
  }

  /** The vCPU's thread has gone. */
  noteGone(): void {
    this.#logStopped.resolve();
    this.#earlier?.noteGone();
  }

  /** Time goes by: whoever looks at the backup wants to see it get on. */
  tick(): void {
    if (this.#isStopped || this.#isWhole) return;
    if (performance.now() - this.#reportedMs >= transferReportMs) this.#report();
  }

  /** Outputs of a machine that runs on are held until the backup has its state: there is a bound to that. */
  #stand(): void {
    if (this.#isStanding || this.#isStopped || this.#isWhole || !this.#parts.mustStand()) return;
    this.#isStanding = true;
    this.#parts.tell({ type: "pause" });
  }

  /** Something has changed: there may be room. */
  wake(): void {
    this.#noteMoving();
    this.#stand();
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The session is over. The thread is told by who says so. */
  stop(): void {
    this.#isStopped = true;
    this.wake();
  }

  get #stagingPages(): number {
    return Math.min(this.#parts.stagingPages ?? stagingPagesMax, this.#memory.pages);
  }

  async #run(): Promise<void> {
    await this.#earlier?.done;
    this.#earlier = undefined;
    using _encoder = this.#encoder;
    using _pageEncoder = this.#pageEncoder;
    try {
      using staging = new Staging(this.#stagingPages);
      try {
        if (await this.#rounds(staging)) await this.#finish(staging);
      } finally {
        clearInterval(this.#nudger);
        if (this.#isStanding) this.#parts.tell({ type: "resume" });
        if (this.#usesStaging) await this.#logStopped.promise;
      }
    } catch (error) {
      this.#parts.fail(error as Error);
    }
  }

  /** @returns whether the machine is to be stopped for what is left now */
  async #rounds(staging: Staging): Promise<boolean> {
    const { tell, session } = this.#parts;
    if (this.#isStopped) return false;
    this.#startedMs = performance.now();
    const isKnown = this.#parts.known !== undefined;
    tell({ type: "copy", session, isKnown });
    if (await this.#answer("copying") === undefined) return false;
    let pages: Uint8Array = new Uint8Array(this.#memory.pages / 8).fill(0xff);
    if (isKnown) {
      const differing = await this.#answer("dirty");
      if (differing === undefined) return false;
      pages = differing.bitmap;
    }
    for (;; this.#round++) {
      this.#leftPages = countPages(pages);
      this.#report();
      if (!await this.#sendRound(pages, staging)) return false;
      tell({ type: "takeDirty" });
      const dirty = await this.#answer("dirty");
      if (dirty === undefined) return false;
      pages = dirty.bitmap;
      this.#leftPages = countPages(pages);
      if (this.#policy.isLast(this.#leftPages, this.#bytesPerSecond)) return true;
      if (this.#policy.share > 0) this.#nudge();
    }
  }

  /** A guest that does not exit by itself could not be paused else. */
  #nudge(): void {
    this.#nudger ??= setInterval(() => {
      if (this.share > 0) this.#parts.thread.nudge();
    }, nudgeMs);
  }

  /** From the first pages that the backup has applied to the last ones: what moving them takes by itself. */
  #noteMoving(): void {
    const unappliedBytes = this.#parts.unappliedBytes();
    if (this.#movingMs !== null || this.#wireBytes === unappliedBytes) return;
    this.#firstMs ??= performance.now();
    if (this.#isWhole && unappliedBytes === 0) this.#movingMs = performance.now() - this.#firstMs;
  }

  /** Guest memory that the backup has taken a second, on average since the beginning; not counting what it has. */
  get #bytesPerSecond(): number {
    if (this.#sentPages === 0) return Infinity;
    const share = 1 - this.#parts.unappliedBytes() / Math.max(1, this.#wireBytes);
    const seconds = (performance.now() - this.#startedMs - this.#lookedMs) / 1000;
    return this.#sentPages * PAGE_BYTES * share / seconds;
  }

  /** Sends these pages, but for those that the backup has. */
  async #sendRound(bitmap: Uint8Array, staging: Staging): Promise<boolean> {
    for (let next = 0; next < this.#memory.pages;) {
      const count = await this.#turn();
      if (count === 0) return false;
      const beganMs = performance.now();
      do next = this.#sendSome(bitmap, next, count); while (
        next < this.#memory.pages && this.#room() > 0 && !this.#isStopped &&
        performance.now() - beganMs < transferSliceMs
      );
      // A backup that is healed waits, and all outputs with it: mostly it lacks little.
      if (this.#parts.known === undefined) staging.touch();
    }
    return true;
  }

  /** Sends up to `count` of the pages from `first` on; returns where to go on. */
  #sendSome(bitmap: Uint8Array, first: number, count: number): number {
    const { thread: { channel } } = this.#parts;
    const memory = this.#memory;
    const end = Math.min(memory.pages, first + this.#choice.atOnce);
    const pages: number[] = [];
    let page = first;
    if (!channel.loan.take()) {
      this.stop();
      return first;
    }
    this.#inputOffset = channel.gauges[Gauge.inputOffset]!;
    let section;
    const beganMs = performance.now();
    try {
      for (; page < end && pages.length < count; page++) {
        if (!isIn(bitmap, page)) continue;
        this.#leftPages--;
        if (this.#choice.isNeeded(page)) pages.push(page);
      }
      this.#lookedMs += performance.now() - beganMs;
      if (pages.length > 0) section = pagesSection(this.#pageEncoder, memory.bytes, pages);
    } finally {
      channel.loan.giveBack();
    }
    if (section === undefined) return page;
    this.#choice.noteSent(pages);
    this.#sendSection(section.section, section.bytes, pages.length);
    return page;
  }

  /** Stops the machine for what is left, and sends that. */
  async #finish(staging: Staging): Promise<void> {
    const expectedPages = Math.max(stagingPagesLeast, 2 * this.#leftPages);
    while (staging.touch(expectedPages)) if (await this.#turn() === 0) return;
    const { tell, session, generation, rules } = this.#parts;
    const pagesPerFrame = this.#framePages(this.#parts.room());
    const { address, pages: room } = staging;
    const lastRound = {
      sequence: this.#sequence,
      staging: { address, pages: room },
      pagesPerFrame,
    };
    this.#usesStaging = true;
    tell({ type: "startLog", session, generation, ...rules(), lastRound });
    const staged = await this.#answer("staged");
    if (staged === undefined) return;
    const { pages } = staged;
    for (let at = 0; at < pages.length; at += pagesPerFrame) {
      if (await this.#turn() === 0) return;
      const some = pages.slice(at, at + pagesPerFrame);
      this.#leftPages -= some.length;
      const places = some.map((_, index) => at + index);
      const { section, bytes } = pagesSection(this.#pageEncoder, staging.bytes, some, places);
      this.#sendSection(section, bytes, some.length);
    }
    // Not before: the rest of the state may be more than main takes in while these pages wait.
    if (await this.#answer("captured") === undefined) return;
    this.#isWhole = true;
    this.#report();
  }

  #sendSection(section: number, bytes: Uint8Array, pages: number): void {
    const { session, generation, step } = this.#parts;
    const sequence = ++this.#sequence;
    this.#encoder.state(0, section, bytes);
    const frame = this.#encoder.close({
      generation,
      sequence,
      // The log is complete through nothing: this is not even a state yet.
      through: 0,
      exitsChecksum: 0,
      outputsChecksum: 0,
    });
    this.#sentPages += pages;
    this.#wireBytes += frame.length;
    step({
      type: "pages",
      frame: {
        session,
        sequence,
        through: 0,
        inputOffset: this.#inputOffset,
        ranUs: 0,
        completesState: false,
        bytes: frame,
      },
    });
  }

  #report(): void {
    const { session, step } = this.#parts;
    this.#reportedMs = performance.now();
    step({ type: "transfer", session, transfer: this.transfer });
  }

  /** Lets others have their turn, and waits for room. Resolves to how many pages may go; 0: it is over. */
  async #turn(): Promise<number> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!this.#isStopped) {
      const room = this.#room();
      if (room > 0) return this.#framePages(room);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return 0;
  }

  #room(): number {
    return this.#isStopped ? 0 : this.#parts.room();
  }

  #framePages(room: number): number {
    const pages = Math.floor(room / PAGE_BYTES);
    return Math.max(FRAME_PAGES_LEAST, Math.min(PAGES_PER_SECTION, pages));
  }

  /** The thread's next answer, which is of this type; undefined: it is over. */
  async #answer<T extends TransferAnswer["type"]>(
    type: T,
  ): Promise<TransferAnswer & { type: T } | undefined> {
    while (!this.#isStopped) {
      const answer = this.#answers.shift();
      if (answer !== undefined) {
        assert(answer.type === type, `the thread answers ${answer.type}, expected ${type}`);
        return answer as TransferAnswer & { type: T };
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return undefined;
  }
}
