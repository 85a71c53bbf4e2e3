/**
 * Rates as a table for people. Called by main.ts.
 */
import type { Paint } from "../../base/paint.ts";
import { formatTable } from "../../log/table.ts";
import type { Comparison, Summary } from "../compare.ts";
import type { Speed } from "./speed.ts";

/** Logs, then pages. Medians, with the least and the most. */
export function formatSpeed(
  speeds: readonly Speed[],
  pages: readonly Comparison[],
  paint: Paint,
): string {
  const withNative = speeds.some(({ native }) => native !== null);
  const logs = formatTable(
    [
      ...["log, level", "direction", "million events/s", "payload MB/s"],
      ...withNative ? ["native, million events/s", "ours / native"] : [],
    ],
    speeds.map((speed) => [
      `${speed.name}, ${speed.level}`,
      speed.direction,
      millions(speed.eventsPerSecond),
      millions(speed.payloadBytesPerSecond),
      ...speed.native === null ? [] : [millions(speed.native), speed.nativeShare!.toFixed(2)],
    ]),
    paint,
  );
  const batches = formatTable(
    ["pages", "GB/s", "copying, GB/s", "ratio"],
    pages.map(({ name, ours, peer, ratio }) => [name, ...[ours, peer, ratio].map(span)]),
    paint,
  );
  return `${logs}\n\n${batches}`;
}

function millions({ median, min, max }: Summary): string {
  return span({ median: median / 1e6, min: min / 1e6, max: max / 1e6 });
}

function span({ median, min, max }: Summary): string {
  return `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
}
