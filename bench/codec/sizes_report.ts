/**
 * Sizes as tables for people. Called by main.ts.
 */
import type { Paint } from "../../base/paint.ts";
import { formatTable } from "../../log/table.ts";
import type { LogSizes, MeasuredSizes } from "./sizes.ts";
import { LEVELS } from "./stream.ts";

/** Each log by itself, then all together: whose last lines are what counts. */
export function formatSizes(
  logs: readonly MeasuredSizes[],
  all: LogSizes,
  paint: Paint,
): string {
  const parts = logs.flatMap((log) => [formatLog(log, paint), formatCosts(log, paint)]);
  return [...parts, formatLog(all, paint)].join("\n\n");
}

function formatLog(log: LogSizes, paint: Paint): string {
  const { name, frames, events, firstState, levels, baselines } = log;
  const head = `${name}: ${count(frames)} frames, ${count(events)} events; apart: the first ` +
    `state, ${count(firstState.bytes)} bytes in ${count(firstState.frames)} frames`;
  const row = (encoding: string, bytes: number | null) => [
    encoding,
    ...bytes === null
      ? ["not here"]
      : [count(bytes), ...LEVELS.map((level) => (levels[level] / bytes).toFixed(3))],
  ];
  const table = formatTable(
    ["encoding", "bytes", ...LEVELS.map((level) => `${level} / it`)],
    [
      ...LEVELS.map((level) => row(`ours, ${level}`, levels[level])),
      ...baselines.map(({ encoding, bytes }) => row(encoding, bytes)),
    ],
    paint,
  );
  return `${paint("bold", head)}\n${table}`;
}

function formatCosts({ costs }: MeasuredSizes, paint: Paint): string {
  return formatTable(
    ["in the stream", "count", "bytes median", "mean", "overhead median", "mean"],
    costs.map(({ what, count: number, bytes, overheadBytes }) => [
      what,
      count(number),
      ...[bytes, overheadBytes].flatMap(({ median, mean }) => [count(median), mean.toFixed(2)]),
    ]),
    paint,
  );
}

function count(value: number): string {
  return value.toLocaleString("en");
}
