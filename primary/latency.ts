/**
 * Keeps the latest measurements of a duration and tells percentiles of them.
 */

const KEPT = 1024;

/** See the top of the file. Milliseconds. */
export class Latency {
  readonly #samples = new Float64Array(KEPT);
  #count = 0;

  /** Adds a measurement. */
  add(milliseconds: number): void {
    this.#samples[this.#count++ % KEPT] = milliseconds;
  }

  /** Percentiles of the last 1024 measurements, in milliseconds; null without any. */
  percentiles(): { p50: number; p95: number; p99: number; count: number } | null {
    if (this.#count === 0) return null;
    const sorted = this.#samples.slice(0, Math.min(this.#count, KEPT)).sort();
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), count: this.#count };
  }
}
