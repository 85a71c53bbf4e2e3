/**
 * `understudy log convert`: the same log, packed harder or less hard: the same frames and events, other bytes.
 *
 * A log that is `dense` is for keeping: it takes less of a disk, and more time to be written and read; both are replayed
 * alike. Called by command.ts.
 */
import type { Level } from "../codec/codec.ts";
import { encodeLogFileHeader } from "../codec/log_file.ts";
import type { Written } from "./cut.ts";
import { NewFile, type NewFileOptions } from "./new_file.ts";
import { LogOrder } from "./order.ts";
import { LogFile, type ReadProgress } from "./reader.ts";
import { Recoder } from "./recoder.ts";
import { walk } from "./walk.ts";

/** What was written, and of how much. */
export interface Converted extends Written {
  readonly level: Level;
  /** The log that was read, without what is cut off at its end. */
  readonly readBytes: number;
}

/**
 * Encodes all whole frames of a log anew, into a new file.
 * @throws LogFault where it is not what the format says, PeerError if it has no whole state to begin with,
 *   UsageError, UnavailableError, OsError
 */
export async function convertLog(
  path: string,
  level: Level,
  output: NewFileOptions,
  progress?: ReadProgress,
): Promise<Converted> {
  using file = await LogFile.open(path, progress);
  using out = NewFile.create(output);
  using recoder = new Recoder(level);
  await out.write(encodeLogFileHeader(file.memoryBytes));
  const order = new LogOrder();
  let frames = 0;
  for await (const frame of walk(file, order, recoder)) {
    await out.write(recoder.frame(frame));
    frames++;
  }
  order.requireWhole(path);
  await out.finish();
  const { through, frames: { isPiece } } = order;
  const { offset: readBytes, cutBytes } = file;
  return { level, frames, readBytes, bytes: out.bytes, through, isPiece, cutBytes };
}
