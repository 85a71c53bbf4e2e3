/**
 * `understudy log cut`: a part of a log, whole frames of it.
 *
 * ```
 *            --to P: up to here       --from P: from here
 *                             ▼       ▼
 *   state │ 0..20 │ 21..P-1 │ ..P+9 ┃ ... │ end
 * ```
 *
 * A log is parted at the first border between two frames at which it is complete up to P or a later point, and at which
 * no state is in the middle: so what is up to there can be replayed, and both parts joined are the log. Called by
 * command.ts.
 */
import { PeerError, UsageError } from "../base/errors.ts";
import { encodeLogFileHeader } from "../codec/log_file.ts";
import { NewFile, type NewFileOptions } from "./new_file.ts";
import { LogOrder } from "./order.ts";
import { LogFile, type ReadProgress } from "./reader.ts";
import { walk } from "./walk.ts";

/** Which part: without either, all whole frames. */
export interface CutRange {
  /** Only what comes after the border at this execution point. */
  readonly from?: number;
  /** Only what comes before the border at this one. */
  readonly to?: number;
}

/** What was written. */
export interface Written {
  readonly frames: number;
  readonly bytes: number;
  /** The execution point up to which it makes the log complete. */
  readonly through: number;
  /** Whether it does not begin where its session does. */
  readonly isPiece: boolean;
  /** Bytes at the end of what was read that are no whole frame, and were left out. */
  readonly cutBytes: number;
}

/**
 * Copies a part of a log into a new file.
 * @throws UsageError if it has no such part, PeerError if it is no log, UnavailableError, OsError
 */
export async function cutLog(
  path: string,
  range: CutRange,
  output: NewFileOptions,
  progress?: ReadProgress,
): Promise<Written> {
  const { from, to } = range;
  if (from !== undefined && to !== undefined && to <= from) {
    throw new UsageError(
      `nothing is after execution point ${from} (--from) and up to ${to} (--to)`,
    );
  }
  using file = await LogFile.open(path, progress);
  using out = NewFile.create(output);
  await out.write(encodeLogFileHeader(file.memoryBytes));
  const order = new LogOrder();
  const reaches = (point: number) => order.isBorder && order.through >= point;
  let isPast = from === undefined;
  let isComplete = false;
  let frames = 0;
  let startsAt: number | undefined;
  for await (const { header, bytes } of walk(file, order)) {
    if (isPast) {
      startsAt ??= header.sequence;
      await out.write(bytes);
      frames++;
    }
    isPast ||= reaches(from!);
    isComplete = to !== undefined && reaches(to);
    if (isComplete) break;
  }
  checkPart(path, order, range, { frames, isComplete: to === undefined || isComplete });
  await out.finish();
  const isPiece = order.frames.isPiece || startsAt !== order.frames.first?.sequence;
  return { frames, bytes: out.bytes, through: order.through, isPiece, cutBytes: file.cutBytes };
}

/** Whether there is something, and all that was asked for. */
function checkPart(
  path: string,
  order: LogOrder,
  { from, to }: CutRange,
  { frames, isComplete }: { frames: number; isComplete: boolean },
): void {
  const ends = `${path} ends at execution point ${order.through}`;
  if (!order.isWhole) {
    throw new PeerError(`${path} ends before the machine's first state is whole: nothing to keep`);
  }
  if (!isComplete) throw new UsageError(`${ends}, before ${to} (--to)`);
  if (frames > 0) return;
  throw new UsageError(
    order.through < from!
      ? `${ends}, before ${from} (--from)`
      : to === undefined
      ? `${ends}: nothing comes after the frame that reaches ${from} (--from)`
      : `${path} has no border between execution points ${from} (--from) and ${to} (--to): one frame reaches both`,
  );
}
