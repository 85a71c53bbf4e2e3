/**
 * What a backup says of itself at its status address. Called by backup_side.ts.
 */
import { Gauge } from "../machine/channel.ts";
import type { BackupProtocol } from "../protocol/backup.ts";
import { comparisonOf } from "./comparison.ts";

/** What only the side itself knows. */
export interface BackupFigures {
  /** Of the vCPU's thread; undefined: there is none yet. */
  readonly gauges: Float64Array | undefined;
  readonly logBytes: number;
  /** Of the present or the last state transfer. */
  readonly transfer: Record<string, unknown> | null;
}

/** Figures for the status address. */
export function statusOf(
  { welcome, phase, isProtected, kept, progress }: BackupProtocol,
  { gauges, logBytes, transfer }: BackupFigures,
): Record<string, unknown> {
  return {
    machineId: welcome?.machineId ?? null,
    role: "backup",
    generation: welcome?.generation ?? null,
    mode: phase,
    protected: isProtected,
    point: gauges?.[Gauge.point] ?? null,
    clockUs: gauges?.[Gauge.clockUs] ?? null,
    outputs: { kept: kept.count, keptBytes: kept.bytes },
    log: { bytes: logBytes, frames: progress.received },
    transfer,
    executionLagFrames: progress.received - progress.replayed,
    digestPoint: gauges?.[Gauge.digestPoint] ?? null,
    digest: gauges?.[Gauge.digest] ?? null,
    digests: gauges?.[Gauge.digests] ?? null,
    comparison: gauges === undefined ? null : comparisonOf(gauges[Gauge.isOtherKind] === 1),
  };
}
