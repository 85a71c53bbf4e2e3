/**
 * What a primary says of itself at its status address. Called by primary_side.ts.
 */
import type { Claimer } from "../arbiter/claimer.ts";
import { Gauge } from "../machine/channel.ts";
import type { VcpuThread } from "../machine/vcpu_thread.ts";
import type { Network } from "../network/network.ts";
import type { PrimaryProtocol, PrimaryRules } from "../protocol/primary.ts";
import type { TakeoverStages } from "../protocol/types.ts";

/** How a side took over. */
export interface TakeoverFigures extends TakeoverStages {
  /** Outputs that were kept, and performed at once. */
  readonly outputs: number;
}

/** What only the side itself knows. */
export interface PrimaryFigures {
  readonly performedOutputs: number;
  readonly doneOutputs: number;
  readonly takeover: TakeoverFigures | undefined;
  readonly ackLatencyMs: unknown;
  /** The share of time in which the guest is to pause. */
  readonly throttle: number;
  /** Of the present or the last state transfer. */
  readonly transfer: Record<string, unknown> | undefined;
}

/** Figures for the status address. */
export function statusOf(
  { protocol, thread, claimer, network }: {
    readonly protocol: PrimaryProtocol;
    readonly thread: VcpuThread;
    readonly claimer: Claimer;
    readonly network?: Network | undefined;
  },
  figures: PrimaryFigures,
): Record<string, unknown> {
  const { gauges } = thread.channel;
  const { session, gate, mode, generation, divergences } = protocol;
  const lagMs = session?.replayLag(performance.now())?.lagMs;
  return {
    machineId: claimer.claimant.machineId,
    role: "primary",
    generation,
    mode,
    protected: mode === "protected",
    backup: session?.who ?? null,
    point: gauges[Gauge.point],
    clockUs: gauges[Gauge.clockUs],
    outputs: {
      held: gate.heldOutputs,
      heldBytes: gate.heldBytes,
      performed: figures.performedOutputs,
      done: figures.doneOutputs,
      kept: 0,
      performedAtTakeover: figures.takeover?.outputs ?? 0,
    },
    log: {
      bytes: gauges[Gauge.logBytes],
      events: gauges[Gauge.events],
      unreplayedBytes: session?.unreplayedBytes ?? null,
      states: gauges[Gauge.states],
    },
    ...protectionOf(protocol.rules),
    takeover: figures.takeover ?? null,
    network: network?.status() ?? null,
    forcedPoints: gauges[Gauge.forcedPoints],
    transfer: figures.transfer ?? null,
    ackLatencyMs: figures.ackLatencyMs,
    executionLagMs: lagMs === undefined ? null : Math.round(lagMs),
    throttle: Math.round(1000 * figures.throttle) / 1000,
    executionLagPoints: session === undefined ? null : gauges[Gauge.point]! - session.point,
    divergences,
    digestPoint: gauges[Gauge.digestPoint],
    digest: gauges[Gauge.digest],
    digests: gauges[Gauge.digests],
  };
}

/** How a backup follows. */
function protectionOf({ mode, checkpointing, sliceMs, epochLengthMs, lagMaxMs }: PrimaryRules) {
  return { protection: mode, checkpointing, sliceMs, epochLengthMs, lagMaxMs };
}
