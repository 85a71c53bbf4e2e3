/**
 * How much the guest is slowed down so that the backup keeps up: from what is known of the replay to the share of
 * time in which the vCPU's thread pauses.
 *
 * Two things are known: how old the oldest log is that has not been replayed (the execution lag), and how much
 * of the guest's running time the backup replays in how much of ours (its speed). The guest gets the
 * backup's speed, a little more while the lag is below its limit, a little less while it is above:
 *
 * ```
 *   guest's speed = backup's speed × (1 + GAIN × (1 − lag ÷ limit))
 * ```
 *
 * The lag alone would not do: it tells of log that was made one lag ago, and a law with that much delay swings
 * between full stop and full speed. For the same reason the lag counts as what it will be, if that is less: as
 * what is left to replay, at the backup's speed. A backup that is not behind shows no speed of its own, only the
 * guest's: then the speed is not measured but grows, until the guest runs freely.
 *
 * The share changes gradually, by all of it in the time of one limit at most. It is never 1: a guest that does
 * not move makes no log whose replay could show that the backup is back. The windows in bytes
 * (docs/PROTOCOL.md) hold whatever happens here.
 *
 * Pure: the primary's side asks it at every tick; `pacer.ts` spreads the pauses.
 *
 * Source: Scales et al. 2010, section 4.1 (the gap between the two machines, and how it is closed).
 */
import { throttleShareMax } from "../base/limits.ts";
import type { ReplayLag } from "../protocol/primary_session.ts";

/** How strongly the lag corrects the speed. Above 1 it would swing: what is known is half a limit old. */
const GAIN = 0.7;
/** The speed is an average over so many limits. */
const AVERAGE = 2;
/** A backup that is not behind is taken for faster by a factor of e in so many limits. */
const GROWTH = 4;
/** From this share of the limit on a backup counts as behind. One that keeps up is at half of it: it acknowledges
 * four times in a limit, what was sent that long before. */
const BEHIND = 0.6;

/** See the top of the file. */
export class Throttle {
  #share = 0;
  /** The backup's speed: the guest's running time that it replays in one of ours; at most 1. */
  #speed = 1;
  #last: { readonly nowMs: number; readonly replayedRunMs: number } | undefined;

  /** @param lagMaxMs the limit of the execution lag; 0: there is none. May be changed at any time */
  constructor(public lagMaxMs: number) {}

  /** The share of time in which the guest does not run; 0 to {@link throttleShareMax}. */
  get share(): number {
    return this.#share;
  }

  /**
   * Takes a measurement in; returns the new share.
   * @param lag undefined: no backup replays
   * @param nowMs any clock that does not go back
   */
  update(lag: ReplayLag | undefined, nowMs: number): number {
    const last = this.#last;
    if (lag === undefined || this.lagMaxMs === 0) {
      this.#last = undefined;
      this.#speed = 1;
      return this.#share = 0;
    }
    const { replayedRunMs } = lag;
    this.#last = { nowMs, replayedRunMs };
    if (last === undefined || nowMs <= last.nowMs) return this.#share;
    // In limits: what follows is the same for any.
    const elapsed = (nowMs - last.nowMs) / this.lagMaxMs;
    const replayed = (replayedRunMs - last.replayedRunMs) / this.lagMaxMs;
    this.#measure(lag.lagMs / this.lagMaxMs, replayed, elapsed);
    const share = 1 - this.#guestSpeed(lag);
    return this.#share += Math.max(-elapsed, Math.min(elapsed, share - this.#share));
  }

  #measure(lag: number, replayed: number, elapsed: number): void {
    if (lag < BEHIND) {
      this.#speed *= Math.exp(elapsed / GROWTH);
    } else {
      const weight = 1 - Math.exp(-elapsed / AVERAGE);
      this.#speed += (replayed / elapsed - this.#speed) * weight;
    }
    this.#speed = clamp(this.#speed);
  }

  #guestSpeed({ lagMs, unreplayedRunMs }: ReplayLag): number {
    const lag = Math.min(lagMs, unreplayedRunMs / this.#speed) / this.lagMaxMs;
    return clamp(this.#speed * (1 + GAIN * (1 - lag)));
  }
}

/** A speed between the least that a guest keeps, and that of a guest that runs freely. */
function clamp(speed: number): number {
  return Math.max(1 - throttleShareMax, Math.min(1, speed));
}
