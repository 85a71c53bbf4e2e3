/**
 * A bar of text: how much of a whole something is. For what shows progress, and for histograms.
 */

/** A bar of `columns` characters. @param share how much of it is full, 0 to 1; what lies outside counts as the nearer */
export function bar(share: number, columns: number): string {
  const full = Math.round(columns * Math.min(1, Math.max(0, share)));
  return "█".repeat(full) + "░".repeat(columns - full);
}
