/**
 * What a seed draws before anything happens: the rules, how fast everything is, whose clock goes wrong.
 */
import { PROTECTION_MODES } from "../../protocol/rules.ts";
import type { BackupRules } from "../../protocol/backup.ts";
import type { PrimaryRules } from "../../protocol/primary.ts";
import type { Random } from "../support/random.ts";
import { MEMORY_PAGES } from "./machine.ts";
import { MACHINE_ID } from "./process.ts";

/** One run's world. */
export interface Config {
  readonly arbiter: "file" | "etcd";
  readonly timeoutMs: number;
  readonly heartbeatMs: number;
  /** One way, on average. */
  readonly networkMs: number;
  /** Between two bursts of exits of a recording machine, on average. */
  readonly exitsMs: number;
  /** A frame's replay, on average. */
  readonly replayMs: number;
  /** Between two frames with pages, on average. */
  readonly transferMs: number;
  /** What a sink takes for an output, at most, when all is well. */
  readonly sinkMs: number;
  /** Faults come within so long. */
  readonly troubleMs: number;
  readonly primaryRules: PrimaryRules;
  backupRules(who: string): BackupRules;
}

/** A few frames: the window is met in many runs. */
export const WINDOW_BYTES = 1200;
/** As {@link WINDOW_BYTES}, for pages of a state: a transfer of all meets it. */
export const PAGE_WINDOW_BYTES = 300;
/** As {@link WINDOW_BYTES}, for outputs; more than {@link BATCH_BYTES_MAX}, as the rules ask. */
export const HELD_BYTES_MAX = 48;
/** The most that one frame has, and what one closing puts out. */
export const FRAME_BYTES_MAX = 400;
/** The most that one closing of a frame puts out. */
export const BATCH_BYTES_MAX = 40;

/** How wrong a clock may go, either way: Linux lets NTP slew by no more. */
const CLOCK_DRIFT = 500e-6;

/** Draws one. */
export function drawConfig(random: Random): Config {
  const timeoutMs = random.pick([100, 200]);
  const heartbeatMs = timeoutMs / 5;
  const commitReplayed = random.below(2) === 0;
  const claimRetryMs = 40;
  const exitsMs = random.pick([4, 8, 16]);
  return {
    arbiter: random.pick(["file", "etcd"]),
    timeoutMs,
    heartbeatMs,
    networkMs: random.pick([0.1, 0.5, 2, 8]),
    exitsMs,
    replayMs: exitsMs * random.pick([0.05, 0.2, 0.4, 1.2]),
    transferMs: random.pick([0.1, 1, 5]),
    sinkMs: random.pick([0.2, 1, 4, 10, 30]),
    troubleMs: 60 + random.below(4 * timeoutMs),
    primaryRules: {
      machineId: MACHINE_ID,
      memoryBytes: MEMORY_PAGES * 4096,
      commitReplayed,
      heartbeatMs,
      timeoutMs,
      lagMaxMs: random.pick([0, 20, 200]),
      sliceMs: 20,
      ...drawMode(random),
      epochLengthMs: 10,
      verify: "off",
      claimRetryMs,
      windowBytes: WINDOW_BYTES,
      pageWindowBytes: PAGE_WINDOW_BYTES,
      burstBytes: random.pick([100, WINDOW_BYTES]),
      heldBytesMax: HELD_BYTES_MAX,
      divergenceMax: { count: random.pick([1, 3, 100]), withinMs: random.pick([500, Infinity]) },
    },
    backupRules: (who) => ({
      who,
      machineId: random.below(2) === 0 ? "" : MACHINE_ID,
      claimRetryMs,
      windowBytes: WINDOW_BYTES + PAGE_WINDOW_BYTES + 2 * FRAME_BYTES_MAX,
      keptBytesMax: 4 * (HELD_BYTES_MAX + BATCH_BYTES_MAX),
      takeoverDiverged: false,
    }),
  };
}

function drawMode(random: Random): Pick<PrimaryRules, "mode" | "checkpointing"> {
  const mode = random.pick(PROTECTION_MODES);
  return { mode, checkpointing: mode === "checkpoint" };
}

/** How a host's clock stands: far off, and a little fast or slow. */
export function drawClock(random: Random): { offsetMs: number; rate: number } {
  return {
    offsetMs: 1000 + random.below(1e9),
    rate: 1 + CLOCK_DRIFT * (random.below(2001) / 1000 - 1),
  };
}
