/**
 * What of a machine is compared with the digests in its log, in words: all, or, if that was recorded on another
 * kind of host, what is the same on all kinds (machine/digest.ts). For the status, reports and messages.
 */

/** See the top of the file. */
export type Comparison = "all" | "portable";

/** What is compared. @param isOtherKind the log comes from another kind of host than this one */
export function comparisonOf(isOtherKind: boolean): Comparison {
  return isOtherKind ? "portable" : "all";
}

/** "5 digests equal", and what that leaves out. */
export function digestsEqual(digests: number, comparison: Comparison): string {
  const leftOut = comparison === "all"
    ? ""
    : " (recorded on another kind of host: flags, segments, x87 and memory are not compared)";
  return `${digests} digests equal${leftOut}`;
}
