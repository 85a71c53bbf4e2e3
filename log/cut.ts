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
 * no state is in the middle: so what is up to there can be replayed, and both parts joined are the log.
 *
 * Frames are copied as they are, but for those at the beginning of a part that continue a chain which begins before it:
 * they are encoded anew (recoder.ts). Called by command.ts.
 */
import { UsageError } from "../base/errors.ts";
import type { LogEvent } from "../codec/codec.ts";
import { encodeLogFileHeader } from "../codec/log_file.ts";
import { NewFile, type NewFileOptions } from "./new_file.ts";
import { LogOrder } from "./order.ts";
import { LogFile, type ReadProgress } from "./reader.ts";
import { Recoder } from "./recoder.ts";
import { type OpenedFrame, walk } from "./walk.ts";

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
  using chain = new TornChain();
  const begin = (frame: OpenedFrame) => chain.begin(frame, isPast);
  for await (const frame of walk(file, order, { begin, event: (event) => chain.event(event) })) {
    if (isPast) {
      startsAt ??= frame.log.sequence;
      await out.write(chain.frame(frame));
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

/** The frames of a part up to the end of the chain that it begins in the middle of, if it does. */
class TornChain implements Disposable {
  #recoder: Recoder | undefined;
  /** What comes continues what is not in the part. */
  #isTorn = false;
  #hasBegun = false;

  /** The next frame, which is of the part or not. */
  begin({ header }: OpenedFrame, isOfPart: boolean): void {
    if (!isOfPart) return;
    const continues = header.chain === "continues";
    this.#isTorn = continues && (this.#isTorn || !this.#hasBegun);
    this.#hasBegun = true;
    if (this.#isTorn) this.#recoder ??= new Recoder(header.level);
  }

  /** The next event of that frame. */
  event(event: LogEvent): void {
    if (this.#isTorn) this.#recoder!.event(event);
  }

  /** That frame as the part has it. */
  frame(frame: OpenedFrame): Uint8Array {
    return this.#isTorn ? this.#recoder!.frame(frame) : frame.bytes;
  }

  [Symbol.dispose](): void {
    this.#recoder?.[Symbol.dispose]();
  }
}

/** Whether there is something, and all that was asked for. */
function checkPart(
  path: string,
  order: LogOrder,
  { from, to }: CutRange,
  { frames, isComplete }: { frames: number; isComplete: boolean },
): void {
  const ends = `${path} ends at execution point ${order.through}`;
  order.requireWhole(path);
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
