/**
 * Counts how long the guest has run, and spreads the pauses of one that is slowed down: many short ones, each after
 * so much running that the share of time is right.
 *
 * The throttle says the share; the recorder tells how long the guest ran, and pauses when this says so. A guest
 * that waits anyway (HLT) does not run meanwhile, and owes nothing for it.
 *
 * Pure. Called by the recorder in the vCPU's thread.
 */
import { pauseLeastUs, pauseMaxUs } from "../base/limits.ts";

/** See the top of the file. */
export class Pacer {
  /** The share of time in which the guest is to pause; below 1. */
  share = 0;
  /** How long the guest has run in all, in microseconds. */
  ranUs = 0;
  #sinceUs: number;
  #owedUs = 0;

  /** The guest begins at `nowUs`, of a clock that does not go back. */
  constructor(nowUs: number) {
    this.#sinceUs = nowUs;
  }

  /** The guest goes on at `nowUs`, after a time in which it did not run. */
  goesOn(nowUs: number): void {
    this.#sinceUs = nowUs;
  }

  /** The guest has run until `nowUs`. Returns for how many microseconds it has to pause now; mostly 0. */
  ran(nowUs: number): number {
    const ranUs = nowUs - this.#sinceUs;
    this.#sinceUs = nowUs;
    this.ranUs += ranUs;
    if (this.share === 0) return this.#owedUs = 0;
    this.#owedUs += ranUs * this.share / (1 - this.share);
    if (this.#owedUs < pauseLeastUs) return 0;
    const pauseUs = Math.min(this.#owedUs, pauseMaxUs);
    this.#owedUs = 0;
    return pauseUs;
  }
}
