/**
 * Keeps the latest measurements of a duration and tells percentiles of them; and what a primary measures with it.
 */
import { Fifo } from "../base/fifo.ts";

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

/** How long a frame of the log takes until its ack is here. */
export class AckLatency {
  readonly #latency = new Latency();
  #sent = new Fifo<{ readonly sequence: number; readonly sentMs: number }>();

  /** A session begins: what was sent in an earlier one is not acknowledged any more. */
  begin(): void {
    this.#sent = new Fifo();
  }

  /** A frame goes out. */
  sent(sequence: number): void {
    this.#sent.push({ sequence, sentMs: performance.now() });
  }

  /** The backup has received the frames of its session up to this one. */
  received(sequence: number): void {
    const nowMs = performance.now();
    while (this.#sent.first !== undefined && this.#sent.first.sequence <= sequence) {
      this.#latency.add(nowMs - this.#sent.shift()!.sentMs);
    }
  }

  /** As {@link Latency.percentiles}. */
  percentiles(): ReturnType<Latency["percentiles"]> {
    return this.#latency.percentiles();
  }
}
