/**
 * How far a primary's handover has come: the machine is given to the backup on request, with both sides
 * well.
 *
 * ```
 *   ask ──▶ probing ──in reach──▶ pausing ──stands still──▶ draining ──all done──▶ offered ──▶ the backup wins
 *              │ out of reach
 *              ▼ the primary stays
 * ```
 *
 * The arbiter is probed first, since without it the machine would stand still for nobody. Used by the
 * primary's protocol, which knows when a handover has to be given up.
 */
import type { MessageOf } from "./messages.ts";
import type { PrimaryEffect } from "./primary_types.ts";

/** A primary's handovers, one at a time. */
export class Handover {
  #stage: "none" | "probing" | "pausing" | "draining" | "offered" = "none";
  #lastSequence = 0;

  /** The backup may have won by now. */
  get isOffered(): boolean {
    return this.#stage === "offered";
  }

  /** Somebody wants one. @param canBe there is a backup that follows, and a guest to hand over */
  ask(canBe: boolean): PrimaryEffect[] {
    if (!canBe) return [report("no handover: there is no backup that follows")];
    if (this.#stage !== "none") return [];
    this.#stage = "probing";
    return [{ type: "probeArbiter" }];
  }

  /**
   * The arbiter has answered, or not.
   * @param isFollowed there is still a backup to hand over to
   */
  probed(
    { reachable, why }: { reachable: boolean; why: string },
    isFollowed: boolean,
  ): PrimaryEffect[] {
    if (this.#stage !== "probing") return [];
    if (reachable && isFollowed) {
      this.#stage = "pausing";
      return [{ type: "pause" }];
    }
    this.#stage = "none";
    const obstacle = isFollowed ? `the arbiter is out of reach: ${why}` : "the backup is lost";
    return [report(`no handover: ${obstacle}`)];
  }

  /** The machine stands still; `sequence` is the last frame of its log. */
  paused(sequence: number): void {
    if (this.#stage !== "pausing") return;
    this.#lastSequence = sequence;
    this.#stage = "draining";
  }

  /** The log goes on to this frame: where that is beyond the last one, the guest has ended where it stood still. */
  logged(sequence: number): PrimaryEffect[] {
    const isVoid = this.#stage === "draining" && sequence > this.#lastSequence;
    return isVoid ? this.cancel() : [];
  }

  /**
   * All outputs are done, and the backup has received this frame.
   * @returns what it has to be told, if the handover has come that far
   */
  offer(received: number): MessageOf<"handover"> | undefined {
    if (this.#stage !== "draining" || received < this.#lastSequence) return undefined;
    this.#stage = "offered";
    return { type: "handover", sequence: this.#lastSequence };
  }

  /** It can't be, or the backup did not win: the machine goes on here. */
  cancel(): PrimaryEffect[] {
    if (this.#stage === "none") return [];
    this.#stage = "none";
    const text = "the handover did not come about; the machine goes on here";
    return [{ type: "report", text }, { type: "resume" }];
  }
}

function report(text: string): PrimaryEffect {
  return { type: "report", text };
}
