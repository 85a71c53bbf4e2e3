/**
 * Stops a guest that computes for a whole slice without an exit, so that interrupts, input and commits go on.
 *
 * It runs in main and looks at what the vCPU's thread shows anyway, twice in a slice: a guest that exits by itself
 * pays nothing, and one that does not is stopped after one slice to one and a half. What then enters, the recorder
 * decides (a forced point). Time in which a guest is made to pause is none in which it computes.
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
  #timer: ReturnType<typeof setInterval> | undefined;
  #slice!: Slice;

  /** @param sliceMs the slice, in milliseconds */
  constructor(private readonly thread: VcpuThread, sliceMs: number) {
    this.sliceMs = sliceMs;
  }

  /** The slice, from now on. */
  set sliceMs(sliceMs: number) {
    clearInterval(this.#timer);
    this.#slice = new Slice(sliceMs);
    this.#timer = setInterval(() => this.#look(), Math.max(1, sliceMs / 2));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { gauges, notices } = this.thread.channel;
    const point = gauges[Gauge.point]!;
    // A thread that waits, for room in its ring or for anything else, runs no guest.
    const isWaiting = gauges[Gauge.parked] === 1 || notices.usedBytes > 0;
    if (this.#slice.isOver(point, isWaiting, performance.now())) this.thread.interrupt(point);
  }
}

/** Counts for how long a guest has computed since its last execution point. Pure. */
export class Slice {
  #point = -1;
  #lookedMs = 0;
  #computedMs = 0;

  /** @param sliceMs the slice, in milliseconds */
  constructor(private readonly sliceMs: number) {}

  /**
   * Takes in what is seen now. True: a slice is over, and the next one begins.
   * @param isWaiting the thread runs no guest
   * @param nowMs any clock that does not go back
   */
  isOver(point: number, isWaiting: boolean, nowMs: number): boolean {
    if (point !== this.#point) this.#computedMs = 0;
    else if (!isWaiting) this.#computedMs += nowMs - this.#lookedMs;
    this.#point = point;
    this.#lookedMs = nowMs;
    if (this.#computedMs < this.sliceMs) return false;
    this.#computedMs = 0;
    return true;
  }
}

/** Checks what was asked for. @throws UsageError unless a slice can be so long */
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
