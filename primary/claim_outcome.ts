/**
 * A claim's result in the protocol's words. Called by both sides, which claim.
 */
import type { ClaimResult } from "../arbiter/arbiter.ts";
import { holderOf } from "../arbiter/claimer.ts";
import type { ClaimOutcome } from "../protocol/types.ts";

/** See the top of the file. */
export function outcomeOf(result: ClaimResult): ClaimOutcome {
  if (result.kind !== "lost") return result;
  return { kind: "lost", holder: holderOf(result.holder), ended: result.holder.ended };
}
