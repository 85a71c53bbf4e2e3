/**
 * Notices a replay that is stuck: it has log to go on, and reaches no execution point and no frame's end. It has
 * diverged, if only by a guest that now computes for ever.
 *
 * Used by backup_side.ts.
 */
import { replayStallMs } from "../base/limits.ts";
import type { Divergence } from "../protocol/backup.ts";
import type { ReplayProgress } from "../protocol/replay_progress.ts";

/** See the top of the file. */
export class StallWatch {
  #point = -1;
  #replayed = -1;
  #sinceMs = 0;

  /** To be called again and again; what is wrong, once it has been for too long. */
  look(
    point: number,
    { replayed, unreplayedBytes }: Pick<ReplayProgress, "replayed" | "unreplayedBytes">,
    nowMs: number,
  ): Divergence | undefined {
    const hasMoved = point !== this.#point || replayed !== this.#replayed;
    if (hasMoved || unreplayedBytes === 0) {
      this.#point = point;
      this.#replayed = replayed;
      this.#sinceMs = nowMs;
    } else if (nowMs - this.#sinceMs > replayStallMs) {
      const none = `none for ${replayStallMs} ms after ${point}`;
      return { point, place: "progress", recorded: "a further exit", replayed: none };
    }
    return undefined;
  }
}
