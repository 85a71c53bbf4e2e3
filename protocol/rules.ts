/**
 * The rules that both sides of a pair go by. The primary has them from its command line, or changes them while it
 * reigns, and tells the backup, whose own they are after a takeover.
 *
 * Pure. Used by both sides' protocols, and where a primary is made.
 */
import { PeerError } from "../base/errors.ts";
import { epochLengthMaxMs, lagMaxLeastMs, sliceLeastMs, sliceMaxMs } from "../base/limits.ts";
import {
  type DivergenceMax,
  divergenceMaxExpected,
  formatDivergenceMax,
  parseDivergenceMax,
} from "./divergence_budget.ts";
import type { MessageOf } from "./messages.ts";
import { parseVerify, type Verify, verifyExpected } from "./verify.ts";

/**
 * How the backup follows: it replays events; or it takes states, whatever the guest does; `auto`: it replays, until
 * there are too many divergences.
 */
export const PROTECTION_MODES = ["auto", "replay", "checkpoint"] as const;
/** One of {@link PROTECTION_MODES}. */
export type ProtectionMode = typeof PROTECTION_MODES[number];

/** See the top of the file. */
export interface SharedRules {
  /** The machine. */
  readonly machineId: string;
  /** The size of its memory: a backup makes one as large. */
  readonly memoryBytes: number;
  /** An ack counts once the frame has been replayed, not already when it has been received. */
  readonly commitReplayed: boolean;
  /** A heartbeat goes out this often; the timeout is at least twice as long. */
  readonly heartbeatMs: number;
  /** Silence for longer than this is a suspicion. */
  readonly timeoutMs: number;
  /** An execution lag above this slows the guest; 0: none does. */
  readonly lagMaxMs: number;
  /** A guest that computes for so long without an exit is stopped at a forced point. */
  readonly sliceMs: number;
  /** How the backup is to follow. */
  readonly mode: ProtectionMode;
  /** The log has states instead of events, now: the backup runs nothing, whatever the guest does. */
  readonly checkpointing: boolean;
  /** Checkpointing, an output waits for so long for others that its state then has, too. */
  readonly epochLengthMs: number;
  /** How often the log carries a digest. */
  readonly verify: Verify;
  /** How many divergences are healed. */
  readonly divergenceMax: DivergenceMax;
}

/** What of them may change while the machine runs. */
export type Settings = Pick<SharedRules, "mode" | "sliceMs" | "epochLengthMs" | "lagMaxMs">;

/** What a welcome has of them. */
type ToldRules = Omit<MessageOf<"welcome">, "type" | "generation">;

/** These, and no others that `rules` may have. */
export function sharedRules(rules: SharedRules): SharedRules {
  const { machineId, memoryBytes, commitReplayed, heartbeatMs, timeoutMs, lagMaxMs } = rules;
  const { sliceMs, mode, checkpointing, epochLengthMs, verify, divergenceMax } = rules;
  return {
    machineId,
    memoryBytes,
    commitReplayed,
    heartbeatMs,
    timeoutMs,
    lagMaxMs,
    sliceMs,
    mode,
    checkpointing,
    epochLengthMs,
    verify,
    divergenceMax,
  };
}

/** What a primary tells of them, to a backup that knows the machine. */
export function tellRules(rules: SharedRules): MessageOf<"rules"> {
  const { machineId: _, memoryBytes: __, verify, divergenceMax, ...others } = sharedRules(rules);
  return {
    type: "rules",
    ...others,
    verify: `${verify}`,
    divergenceMax: formatDivergenceMax(divergenceMax),
  };
}

/** What a backup has been told: all that it will count on is checked. @throws PeerError */
export function heardRules(told: ToldRules): SharedRules {
  const { heartbeatMs, timeoutMs, lagMaxMs, sliceMs, epochLengthMs } = told;
  const mode = PROTECTION_MODES.find((name) => name === told.mode);
  if (heartbeatMs < 1 || timeoutMs < 2 * heartbeatMs) {
    throw new PeerError(
      `a timeout of ${timeoutMs} ms, expected twice the heartbeat of ${heartbeatMs} ms, and that at ` +
        `least 1`,
    );
  }
  if (lagMaxMs !== 0 && lagMaxMs < lagMaxLeastMs) {
    throw new PeerError(`a lag of at most ${lagMaxMs} ms, expected 0 or at least ${lagMaxLeastMs}`);
  }
  if (sliceMs < sliceLeastMs || sliceMs > sliceMaxMs) {
    throw new PeerError(`a slice of ${sliceMs} ms, expected ${sliceLeastMs} to ${sliceMaxMs}`);
  }
  if (epochLengthMs < 1 || epochLengthMs > epochLengthMaxMs) {
    throw new PeerError(`an epoch of ${epochLengthMs} ms, expected 1 to ${epochLengthMaxMs}`);
  }
  if (mode === undefined) {
    throw new PeerError(`mode ${told.mode}, expected ${PROTECTION_MODES.join(", ")}`);
  }
  const verify = parseVerify(told.verify);
  if (verify === undefined) {
    throw new PeerError(`digests ${told.verify}, expected ${verifyExpected}`);
  }
  const divergenceMax = parseDivergenceMax(told.divergenceMax);
  if (divergenceMax === undefined) {
    throw new PeerError(
      `at most ${told.divergenceMax} divergences, expected ${divergenceMaxExpected}`,
    );
  }
  return sharedRules({ ...told, mode, verify, divergenceMax });
}

/** The welcome of a backup that has been told new rules. @throws PeerError as {@link heardRules} */
export function ruled(
  welcome: MessageOf<"welcome">,
  { type: _, ...rules }: MessageOf<"rules">,
): MessageOf<"welcome"> {
  const changed = { ...welcome, ...rules };
  heardRules(changed);
  return changed;
}
