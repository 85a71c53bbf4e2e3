/**
 * Stops a guest that computes for a whole slice without an exit, so that interrupts, input and commits go on.
 *
 * It runs in main and looks at what the vCPU's thread shows anyway, twice in a slice: a guest that exits by itself
 * pays nothing, and one that does not is stopped after one slice to one and a half. What then enters, the recorder
 * decides (a forced point).
 *
 * Called by whoever drives a recording thread.
 */
import { UsageError } from "../base/errors.ts";
import { sliceLeastMs, sliceMaxMs } from "../base/limits.ts";
import { Gauge } from "../machine/channel.ts";
import type { PrimaryRules } from "../protocol/primary_types.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";

/** Watches one thread, until it is disposed of. */
export class Slicer implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #point = -1;
  #sinceMs = 0;

  /** @param sliceMs the slice, in milliseconds */
  constructor(private readonly thread: VcpuThread, private readonly sliceMs: number) {
    this.#timer = setInterval(() => this.#look(), Math.max(1, sliceMs / 2));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { gauges, notices } = this.thread.channel;
    const point = gauges[Gauge.point]!;
    const nowMs = performance.now();
    // A thread that waits, for room in its ring or for anything else, runs no guest.
    const isWaiting = gauges[Gauge.parked] === 1 || notices.usedBytes > 0;
    if (isWaiting || point !== this.#point) {
      this.#point = point;
      this.#sinceMs = nowMs;
    } else if (nowMs - this.#sinceMs >= this.sliceMs) {
      this.#sinceMs = nowMs;
      this.thread.interrupt(point);
    }
  }
}

/** @throws UsageError unless a slice can be so long */
export function checkSlice(sliceMs: number): void {
  if (sliceMs >= sliceLeastMs && sliceMs <= sliceMaxMs) return;
  throw new UsageError(
    `--slice ${sliceMs}ms: expected ${sliceLeastMs}ms to ${sliceMaxMs}ms`,
  );
}

/** The slice that rules ask for: checkpointing, what a guest put out before it computes must not wait for longer. */
export function sliceOf(
  { sliceMs, checkpointing, epochLengthMs }: Pick<
    PrimaryRules,
    "sliceMs" | "checkpointing" | "epochLengthMs"
  >,
): number {
  return checkpointing ? Math.min(sliceMs, epochLengthMs) : sliceMs;
}
