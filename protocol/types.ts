/**
 * Words that both protocol machines and their drivers share.
 */
import type { ExitCodeValue } from "../base/errors.ts";

/** A connection of the logging channel, as its driver numbers it. */
export type Connection = number;

/** What a claim came to, as far as the protocol cares. */
export type ClaimOutcome =
  | { readonly kind: "won" }
  /** `holder` names the winner for people; `ended`: the generation was created by the guest's end. */
  | { readonly kind: "lost"; readonly holder: string; readonly ended: boolean }
  | { readonly kind: "unreachable"; readonly why: string };

/** How the guest ended: in words, and its own code (0: all is well). */
export interface MachineEnd {
  /** In words. */
  readonly why: string;
  /** Its own code. */
  readonly code: number;
}

/** A side stops for good. */
export interface Halt {
  /** What the process exits with. */
  readonly code: ExitCodeValue;
  /** In words. */
  readonly why: string;
}

/** What a takeover took, stage by stage. */
export interface TakeoverStages {
  /** When the primary was taken for lost: milliseconds since 1970. */
  readonly lostAtMs: number;
  /** Until the log that had come was replayed, in milliseconds. */
  readonly drainMs: number;
  /** Until the arbiter had given the generation to this side. */
  readonly arbitrateMs: number;
  /** Until outputs were performed again, and the guest was told to go on. */
  readonly goLiveMs: number;
}
