/**
 * Rates as a table for people. Called by main.ts.
 */
import type { Paint } from "../../base/paint.ts";
import { formatTable } from "../../log/table.ts";
import type { Comparison, Summary } from "../compare.ts";
import type { Speed } from "./speed.ts";

/** What an exit costs without us: the same guest, run by a minimal loop in C. */
export interface BareExit {
  readonly ns: Summary;
}

/** Logs, then exits, then pages. Medians, with the least and the most. */
export function formatSpeed(
  speeds: readonly Speed[],
  { pages, exit }: { readonly pages: readonly Comparison[]; readonly exit: BareExit },
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
  const exits = formatTable(
    ["encoding, for each exit", "ns", "of a bare exit"],
    speeds.filter(({ direction, level }) => direction === "encode" && level === "fast").map((
      speed,
    ) => [
      speed.name,
      span(speed.nsPerExit),
      `${(100 * speed.nsPerExit.median / exit.ns.median).toFixed(1)} %`,
    ]),
    paint,
  );
  const bare = `a bare exit of a guest in ring 3, in C: ${span(exit.ns)} ns`;
  return [logs, `${exits}\n${bare}`, batches].join("\n\n");
}

function millions({ median, min, max }: Summary): string {
  return span({ median: median / 1e6, min: min / 1e6, max: max / 1e6 });
}

function span({ median, min, max }: Summary): string {
  return `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
}
