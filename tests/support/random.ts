/**
 * Random numbers that a seed repeats (mulberry32), for tests whose draws are made as they go.
 */

/** A generator. */
export class Random {
  #state: number;

  /** @param seed 32 bits */
  constructor(readonly seed: number) {
    this.#state = seed;
  }

  /** A number from 0 to `limit - 1`; `limit` is at most 2^32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor(((word ^ (word >>> 14)) >>> 0) / 2 ** 32 * limit);
  }

  /** One of several. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

/** The seed that the environment sets with SEED, else one of this moment; printed, to be repeated. */
export function chooseSeed(what: string): number {
  const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${what}: SEED=${seed}`);
  return seed;
}
