/**
 * A table of text: the first column to the left, the others to the right, as numbers are; bars fill their cells.
 *
 * Called by stat_report.ts.
 */
import type { Paint } from "../base/paint.ts";

const GAP = "  ";

/** A table, without a newline at its end. @param rows may have fewer cells than the head */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    widths.map((width, column) => {
      const cell = cells[column] ?? "";
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join(GAP).trimEnd();
  return [paint("bold", line(head)), ...rows.map(line)].join("\n");
}
