/**
 * When a state transfer has had enough rounds: then the machine is stopped, and what was written last is copied out.
 *
 * The guest writes while a round is sent, so that each round has what was written during the one before it. Rounds
 * shrink as long as the guest writes to fewer pages than are sent in the same time; then the stop gets shorter
 * with each. Once they don't shrink any more, and what is left has room in the staging area and is sent in a short
 * time, another round would be of no use. If there is too much left, the guest is slowed down, from round to round
 * by half of the time that it still had, until they shrink again; and where even that does not help, the machine
 * stands still for what is left.
 *
 * Pure. Asked by pre_copy.ts after each round.
 */
import {
  remainderMaxMs,
  remainderSmallPages,
  throttleShareMax,
  transferRoundsMax,
} from "../base/limits.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";

/** A round that is smaller than the one before it by this factor is worth it. */
const SHRUNK = 0.6;

/** See the top of the file. */
export class RoundPolicy {
  #pages: number | undefined;
  #rounds = 0;
  #share = 0;

  /** @param stagingPages how many pages have room in the staging area */
  constructor(private readonly stagingPages: number) {}

  /** The share of time in which the guest is to pause; 0 at first. */
  get share(): number {
    return this.#share;
  }

  /**
   * A round has been sent.
   * @param pages that were written meanwhile
   * @param bytesPerSecond guest memory that was sent in a second, in this round
   * @returns whether to stop the machine for them, instead of sending another round
   */
  isLast(pages: number, bytesPerSecond: number): boolean {
    const before = this.#pages;
    this.#pages = pages;
    if (pages <= remainderSmallPages || ++this.#rounds >= transferRoundsMax) return true;
    const isShrinking = before === undefined || pages < before * SHRUNK;
    if (isShrinking) return false;
    const sendMs = pages * PAGE_BYTES / bytesPerSecond * 1000;
    if (pages <= this.stagingPages && sendMs <= remainderMaxMs) return true;
    const free = 1 - this.#share;
    this.#share = Math.min(throttleShareMax, 1 - free / 2);
    return false;
  }
}
