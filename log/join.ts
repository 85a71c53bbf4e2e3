/**
 * `understudy log join`: the pieces of one session, parted by `understudy log cut`, become one log again: of the same
 * frames and events, though not always of the same bytes, because a piece begins a chain of frames.
 *
 * All rules for the order of frames and events hold over the borders of files (order.ts). Whether pieces whose numbers
 * fit are of the same run, only a replay can say: the checksums of each frame are compared there. Called by command.ts.
 */
import { PeerError, UsageError } from "../base/errors.ts";
import type { LogHeader } from "../codec/codec.ts";
import { encodeLogFileHeader } from "../codec/log_file.ts";
import type { Written } from "./cut.ts";
import { NewFile, type NewFileOptions } from "./new_file.ts";
import { LogOrder } from "./order.ts";
import type { Progress } from "./progress.ts";
import { LogFile } from "./reader.ts";
import { type OpenedFrame, walk } from "./walk.ts";

/**
 * Copies the frames of several files into a new one.
 * @param paths in their order
 * @throws UsageError if they do not follow on one another, PeerError if one is no log or is cut, UnavailableError,
 *   OsError
 */
export async function joinLogs(
  paths: readonly string[],
  output: NewFileOptions,
  progress?: Pick<Progress, "at" | "next">,
): Promise<Written> {
  if (paths.length < 2) throw new UsageError("nothing to join: give two pieces or more, in order");
  using out = NewFile.create(output);
  const order = new LogOrder();
  let before: Joined | undefined;
  let frames = 0;
  for (const path of paths) {
    using file = await LogFile.open(path, (bytes) => progress?.at(bytes));
    const { memoryBytes } = file;
    if (before === undefined) await out.write(encodeLogFileHeader(memoryBytes));
    else checkMemory({ path, memoryBytes }, before);
    let count = 0;
    const begin = ({ log }: OpenedFrame) => {
      if (count === 0 && before !== undefined) checkFollows(path, log, before, order);
    };
    for await (const { bytes } of walk(file, order, { begin })) {
      await out.write(bytes);
      count++;
    }
    checkPiece(path, count, file.cutBytes);
    frames += count;
    before = { path, memoryBytes };
    progress?.next();
  }
  order.requireWhole(before!.path);
  await out.finish();
  const { through, frames: { isPiece } } = order;
  return { frames, bytes: out.bytes, through, isPiece, cutBytes: 0 };
}

/** A file that has been copied. */
interface Joined {
  readonly path: string;
  readonly memoryBytes: number;
}

function checkMemory(found: Joined, before: Joined): void {
  if (found.memoryBytes === before.memoryBytes) return;
  throw new UsageError(
    `${found.path} is of a machine with ${found.memoryBytes} bytes of memory, expected ${before.memoryBytes} ` +
      `as ${before.path} has`,
  );
}

/** Whether a file begins where the one before ends. */
function checkFollows(path: string, found: LogHeader, before: Joined, order: LogOrder): void {
  const last = order.frames.last!;
  const expected = last.sequence + 1;
  if (found.sequence === expected) return;
  throw new UsageError(
    `${path} begins with sequence ${found.sequence}, expected ${expected}: ${before.path} ends with ` +
      `${last.sequence}, at execution point ${last.through}`,
  );
}

/** Whether a file has whole frames, and nothing else. */
function checkPiece(path: string, frames: number, cutBytes: number): void {
  if (cutBytes > 0) {
    throw new PeerError(
      `${path} is cut: its last ${cutBytes} bytes are no whole frame; keep its whole frames first: ` +
        `understudy log cut ${path} -o OUT`,
    );
  }
  if (frames === 0) throw new PeerError(`${path} has no frame`);
}
