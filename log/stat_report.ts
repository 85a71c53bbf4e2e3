/**
 * What `understudy log stat` found, for people: the extent, a table of bytes by kind, a histogram of events by size.
 *
 * Called by command.ts.
 */
import { bar } from "../base/bar.ts";
import type { Paint } from "../base/paint.ts";
import { printableLine } from "../base/printable.ts";
import { seconds } from "./names.ts";
import type { LogStat } from "./stat.ts";
import { formatTable } from "./table.ts";

const BAR_COLUMNS = 32;

/** The report, without a newline at its end. */
export function formatStat(path: string, stat: LogStat, paint: Paint): string {
  const parts = [extent(path, stat), kindsTable(stat, paint)];
  if (stat.events > 0) parts.push(histogram(stat, paint), largest(stat, paint));
  return parts.join("\n\n");
}

function extent(path: string, stat: LogStat): string {
  const { points, clockUs, firstState, rest, cutBytes } = stat;
  const lines = [
    `${printableLine(path)}: ${whole(stat.fileBytes)} bytes, of a machine with ${
      stat.memoryBytes / 2 ** 20
    } MiB`,
    `${whole(stat.frames)} frames, ${whole(stat.events)} events, ${whole(stat.digests)} digests`,
    `execution points ${points.from} to ${points.through}, ` +
    (stat.hasEnded ? "up to the guest's end" : "before the guest's end"),
    clockUs === null
      ? "the machine's clock is not moved"
      : `machine's clock ${seconds(clockUs.from)} to ${seconds(clockUs.to)}`,
    firstState === null
      ? "a piece: it does not begin where its session does"
      : `first state: ${whole(firstState.bytes)} bytes in ${whole(firstState.frames)} frames`,
    `then: ${whole(rest.bytes)} bytes in ${whole(rest.frames)} frames` +
    rate(rest.bytesPerPoint, "an execution point") +
    rate(rest.bytesPerSecond, "a second of the machine's clock"),
  ];
  if (cutBytes > 0) lines.push(`cut: the last ${whole(cutBytes)} bytes are no whole frame`);
  return lines.join("\n  ");
}

function rate(bytes: number | null, unit: string): string {
  return bytes === null ? "" : `, ${tenths(bytes)} bytes ${unit}`;
}

function kindsTable(stat: LogStat, paint: Paint): string {
  const { fileBytes, frames } = stat;
  const share = (bytes: number) => `${tenths(100 * bytes / fileBytes)} %`;
  const rows = stat.kinds.map((row) => {
    const { kind, name, events, overheadBytes, payloadBytes, eventBytes, eventOverheadBytes } = row;
    const bytes = overheadBytes + payloadBytes;
    const amounts = [events, overheadBytes, payloadBytes, bytes].map(whole);
    const each = [eventBytes.median, eventOverheadBytes.median].map(whole);
    const means = [eventBytes.mean, eventOverheadBytes.mean].map(tenths);
    return [`${kind} ${name}`, ...amounts, share(bytes), means[0]!, each[0]!, means[1]!, each[1]!];
  });
  const others: [string, number | undefined, number][] = [
    ["frame headers", frames, stat.frameHeaderBytes],
    ["frame heads", undefined, stat.frameHeadBytes],
    ["saved by dense", undefined, -stat.denseSavedBytes],
    ["file head", undefined, stat.headBytes],
    ["cut off", undefined, stat.cutBytes],
    ["all", undefined, fileBytes],
  ];
  for (const [name, count, bytes] of others) {
    if (bytes === 0) continue;
    rows.push([name, count === undefined ? "" : whole(count), "", "", whole(bytes), share(bytes)]);
  }
  const head = ["bytes by kind", "count", "overhead", "payload", "bytes", "share"];
  return formatTable([...head, "mean", "median", "overhead mean", "median"], rows, paint);
}

function histogram({ sizes, events }: LogStat, paint: Paint): string {
  const rows = sizes.map(({ fromBytes, events: count, bytes }) => [
    fromBytes === 0 ? "0" : `${whole(fromBytes)} to ${whole(2 * fromBytes - 1)}`,
    whole(count),
    whole(bytes),
    bar(count / events, BAR_COLUMNS),
  ]);
  return formatTable(["events by bytes", "count", "bytes", "share of all events"], rows, paint);
}

function largest({ largest }: LogStat, paint: Paint): string {
  const rows = largest.map(({ kind, name, point, frame, offset, bytes }) => [
    `${kind} ${name}`,
    ...[bytes, point, frame, offset].map(whole),
  ]);
  return formatTable(["largest events", "bytes", "point", "frame", "at offset"], rows, paint);
}

function whole(value: number): string {
  return value.toLocaleString("en");
}

function tenths(value: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
