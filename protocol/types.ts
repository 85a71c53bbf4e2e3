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
