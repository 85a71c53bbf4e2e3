/**
 * How many divergences a pair may have: beyond it healing each of them is no way to go on.
 *
 * Pure. The primary's protocol notes each divergence here, and is told whether that was one too many.
 */
import { Fifo } from "../base/fifo.ts";

/** So many divergences, within so long. */
export interface DivergenceMax {
  /** This many may be healed; the next one is one too many. 0: none is. */
  readonly count: number;
  /** What is longer ago than this does not count any more, in milliseconds; Infinity: all count. */
  readonly withinMs: number;
}

/** See the top of the file. */
export class DivergenceBudget {
  readonly #times = new Fifo<number>();
  #total = 0;

  /** @param max how many are healed */
  constructor(private readonly max: DivergenceMax) {}

  /** All that there were. */
  get total(): number {
    return this.#total;
  }

  /** There is one, at `nowMs`. Returns whether it is to be healed; if not, counting begins anew. */
  note(nowMs: number): boolean {
    this.#total++;
    const { count, withinMs } = this.max;
    while (this.#times.first !== undefined && nowMs - this.#times.first > withinMs) {
      this.#times.shift();
    }
    this.#times.push(nowMs);
    if (this.#times.length <= count) return true;
    while (this.#times.length > 0) this.#times.shift();
    return false;
  }

  /** The bound, in words. */
  toString(): string {
    const { count, withinMs } = this.max;
    return withinMs === Infinity ? `${count}` : `${count} in ${withinMs / 1000} s`;
  }
}

/** What {@link parseDivergenceMax} takes, in words. */
export const divergenceMaxExpected = "a number, or a number and seconds such as 3/3600";

/** As {@link parseDivergenceMax} takes it. */
export function formatDivergenceMax({ count, withinMs }: DivergenceMax): string {
  return withinMs === Infinity ? `${count}` : `${count}/${Math.ceil(withinMs / 1000)}`;
}

/** `3`, `3/3600`: so many, within so many seconds. Undefined if it is neither. */
export function parseDivergenceMax(text: string): DivergenceMax | undefined {
  const [, count, seconds] = text.match(/^(\d{1,6})(?:\/([1-9]\d{0,8}))?$/) ?? [];
  if (count === undefined) return undefined;
  return {
    count: Number(count),
    withinMs: seconds === undefined ? Infinity : 1000 * Number(seconds),
  };
}
