/**
 * Stops a guest that computes for a whole slice without an exit, so that interrupts, input and commits go on.
 *
 * It runs in main and looks at what the vCPU's thread shows anyway, twice in a slice: a guest that exits by itself
 * pays nothing, and one that does not is stopped after one slice to one and a half. What then enters, the recorder
 * decides (a forced point). Time in which a guest is made to pause is none in which it computes.
 *
 * A guest that writes more in a slice than the log carries meanwhile makes everybody wait for the log. Then its slices
 * become shorter, until those waits are short.
 *
 * Called by whoever drives a recording thread.
 */
import { UsageError } from "../base/errors.ts";
import { sliceLeastMs, sliceLogWaitMs, sliceLogWaitShare, sliceMaxMs } from "../base/limits.ts";
import { Gauge } from "../machine/channel.ts";
import type { PrimaryRules } from "../protocol/primary_types.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";

/** By how much a slice becomes longer at once when there is time. */
const GROWTH = 1.25;

/** Watches one thread, until it is disposed of. */
export class Slicer implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #slice!: Slice;

  /** @param sliceMs the slice, in milliseconds */
  constructor(private readonly thread: VcpuThread, sliceMs: number) {
    this.sliceMs = sliceMs;
  }

  /** The slice, from now on. */
  set sliceMs(sliceMs: number) {
    this[Symbol.dispose]();
    this.#slice = new Slice(sliceMs);
    this.#lookLater();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#lookLater();
      this.#look();
    }, Math.max(1, this.#slice.lengthMs / 2));
  }

  #look(): void {
    const { gauges, notices } = this.thread.channel;
    const point = gauges[Gauge.point]!;
    // A thread that waits, for room in its ring or for anything else, runs no guest.
    const waitsFor = notices.usedBytes > 0
      ? "log"
      : gauges[Gauge.parked] === 1
      ? "else"
      : undefined;
    if (this.#slice.isOver(point, waitsFor, performance.now())) this.thread.interrupt(point);
  }
}

/** Counts for how long a guest has computed since its last execution point. Pure. */
export class Slice {
  #point = -1;
  #lookedMs = 0;
  #computedMs = 0;
  /** Since the last slice was over: when that was, and for how long the guest has waited for its log. */
  #overMs = 0;
  #waitedMs = 0;
  #lengthMs: number;

  /** @param sliceMs the longest slice, in milliseconds */
  constructor(private readonly sliceMs: number) {
    this.#lengthMs = sliceMs;
  }

  /** How long a slice is now, in milliseconds. */
  get lengthMs(): number {
    return this.#lengthMs;
  }

  /**
   * Takes in what is seen now. True: a slice is over, and the next one begins.
   * @param waitsFor the thread runs no guest: what it has logged is to be taken, or it waits for anything else
   * @param nowMs any clock that does not go back
   */
  isOver(point: number, waitsFor: "log" | "else" | undefined, nowMs: number): boolean {
    const passedMs = nowMs - this.#lookedMs;
    if (waitsFor === "log") this.#waitedMs += passedMs;
    if (point !== this.#point) this.#computedMs = 0;
    else if (waitsFor === undefined) this.#computedMs += passedMs;
    this.#point = point;
    this.#lookedMs = nowMs;
    if (this.#computedMs < this.#lengthMs) return false;
    this.#fitLength(nowMs);
    this.#computedMs = this.#waitedMs = 0;
    this.#overMs = nowMs;
    return true;
  }

  /** A guest that has done nothing but compute and wait for longer than it may has shorter slices from now on. */
  #fitLength(nowMs: number): void {
    const restMs = nowMs - this.#overMs - this.#waitedMs;
    const mayWaitMs = Math.max(sliceLogWaitMs, sliceLogWaitShare * this.sliceMs);
    const waitedMs = restMs > 2 * this.sliceMs ? 0 : this.#waitedMs;
    const factor = Math.min(GROWTH, mayWaitMs / waitedMs);
    this.#lengthMs = Math.min(this.sliceMs, Math.max(sliceLeastMs, this.#lengthMs * factor));
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
