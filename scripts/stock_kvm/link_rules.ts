/**
 * What becomes of a frame on its way from one end of the virtual network to another: it passes, passes later,
 * or is lost. Pure; `frame_switch.ts` asks.
 */

/** The ends of the network: the two hosts, the arbiter, and the observer, who sees both from outside. */
export const ENDS = ["A", "B", "arbiter", "observer"] as const;

/** One of {@link ENDS}. */
export type End = (typeof ENDS)[number];

/** A way through the network, in one direction. */
export interface Way {
  readonly from: End;
  readonly to: End;
}

/** Both directions between two ends. */
export function bothWays(one: End, other: End): Way[] {
  return [{ from: one, to: other }, { from: other, to: one }];
}

/** Which ways are cut, and which are slow. At first none. */
export class LinkRules {
  readonly #cut = new Set<string>();
  readonly #delaysMs = new Map<string, number>();

  /** From now on frames are lost on these ways. */
  cut(...ways: readonly Way[]): void {
    for (const way of ways) this.#cut.add(nameOf(way));
  }

  /** From now on frames take so long on these ways. */
  delay(delayMs: number, ...ways: readonly Way[]): void {
    for (const way of ways) this.#delaysMs.set(nameOf(way), delayMs);
  }

  /** These ways are as at first; without any: all. */
  heal(...ways: readonly Way[]): void {
    if (ways.length === 0) {
      this.#cut.clear();
      this.#delaysMs.clear();
    }
    for (const way of ways) {
      this.#cut.delete(nameOf(way));
      this.#delaysMs.delete(nameOf(way));
    }
  }

  /** How long a frame takes on a way, in milliseconds; undefined: it is lost. */
  delayOf(way: Way): number | undefined {
    const name = nameOf(way);
    return this.#cut.has(name) ? undefined : this.#delaysMs.get(name) ?? 0;
  }

  /** A line for each way that is not as at first. */
  describe(): string[] {
    const slow = [...this.#delaysMs].filter(([name]) => !this.#cut.has(name));
    return [
      ...[...this.#cut].map((name) => `${name} is cut`),
      ...slow.map(([name, delayMs]) => `${name} takes ${delayMs} ms more`),
    ];
  }
}

/** A way, as it is written: `A>B`. */
export function nameOf({ from, to }: Way): string {
  return `${from}>${to}`;
}
