/**
 * A host: a clock of its own, a road to the arbiter, and one process at a time.
 */
import type { SimProcess } from "./process.ts";
import type { Road } from "./roads.ts";
import type { World } from "./world.ts";

/** See the top of the file. */
export class Host {
  process: SimProcess | undefined;
  road: Road = "free";
  /** Operations on the arbiter that wait until the road is free. */
  readonly hanging: (() => void)[] = [];
  /** Its main threads take their time until then. */
  slowUntilMs = 0;
  /** Its sinks take their time until then. */
  slowSinkUntilMs = 0;

  /**
   * @param offsetMs what its clock showed at the beginning
   * @param rate how fast it goes
   */
  constructor(
    readonly world: World,
    readonly name: string,
    readonly offsetMs: number,
    readonly rate: number,
  ) {}

  /** What its clock shows, as the drivers read it. */
  get clockMs(): number {
    return Math.floor(this.offsetMs + this.rate * this.world.scheduler.nowMs);
  }

  /** The process that runs on it. */
  get running(): SimProcess | undefined {
    return this.process?.isGone === false ? this.process : undefined;
  }

  /** The road to the arbiter is free again. */
  clearRoad(): void {
    this.road = "free";
    for (const operate of this.hanging.splice(0)) operate();
  }
}
