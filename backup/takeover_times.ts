/**
 * How long each stage of a takeover took.
 *
 * ```
 *   lost ── drain ──▶ drained ── arbitrate ──▶ won ── go live ──▶ live
 * ```
 *
 * Noted by backup_side.ts, shown in the status of the primary that it becomes.
 */
import type { TakeoverStages } from "../protocol/types.ts";

/** See the top of the file. */
export class TakeoverTimes {
  #lostAtMs = 0;
  readonly #at = { drain: 0, claim: 0, goLive: 0 };

  /** A stage begins with the effect of this type; others are none. What happens again, happened last. */
  note(effect: string): void {
    if (effect === "drain") this.#lostAtMs = Date.now();
    if (effect === "drain" || effect === "claim" || effect === "goLive") {
      this.#at[effect] = performance.now();
    }
  }

  /** To be called once the side is live. */
  report(): TakeoverStages {
    const { drain, claim, goLive } = this.#at;
    return {
      lostAtMs: this.#lostAtMs,
      drainMs: claim - drain,
      arbitrateMs: goLive - claim,
      goLiveMs: performance.now() - goLive,
    };
  }
}
