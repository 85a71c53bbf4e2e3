/**
 * How long the backup takes to acknowledge a frame: the latest measurements, and percentiles of them.
 *
 * Used by the primary's side, for its status.
 */
import { Fifo } from "../base/fifo.ts";

const KEPT = 1024;

/** Keeps the latest measurements of a duration, in milliseconds. */
class Latency {
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

/** From a frame's sending to its ack. */
export class AckLatency extends Latency {
  #sent = new Fifo<{ readonly sequence: number; readonly sentMs: number }>();

  /** A session begins: none of its frames has been sent. */
  restart(): void {
    this.#sent = new Fifo();
  }

  /** The frame is on its way. */
  sent(sequence: number): void {
    this.#sent.push({ sequence, sentMs: performance.now() });
  }

  /** The backup has all frames up to this one. */
  received(through: number): void {
    const nowMs = performance.now();
    while (this.#sent.first !== undefined && this.#sent.first.sequence <= through) {
      this.add(nowMs - this.#sent.shift()!.sentMs);
    }
  }
}
