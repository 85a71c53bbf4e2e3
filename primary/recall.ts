/**
 * What a primary remembers of an exit at which its backup's replay differs: for the report that the backup writes.
 */
import type { ExitTrail } from "../machine/exit_trail.ts";
import type { MessageOf } from "../protocol/messages.ts";

/** The first exit that is not the backup's, as it was recorded here; empty if there is none yet, or no more. */
export function recalled(
  trail: ExitTrail,
  { after, checksums }: MessageOf<"diverged">,
): MessageOf<"recorded"> {
  const point = trail.firstDifference(after, checksums);
  const exit = point === undefined ? undefined : trail.entry(point);
  return { type: "recorded", point: point ?? 0, exit: exit ?? new Uint8Array(0) };
}
