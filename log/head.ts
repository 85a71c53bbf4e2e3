/**
 * The head of a log file: whether it is one, and how large its machine's memory is.
 *
 * Called by reader.ts and by `understudy replay`.
 */
import { PeerError } from "../base/errors.ts";
import { readLogFileHeader } from "../codec/log_file.ts";
import { checkMemoryBytes } from "../machine/guest_memory.ts";

/**
 * The size of guest memory, in bytes, that a log file begins with.
 * @param head its first 16 bytes, or more, or all there is
 * @throws PeerError if this is no log, or no machine can have so much memory
 */
export function memoryBytesOf(head: Uint8Array, path: string): number {
  const { memoryBytes } = readLogFileHeader(head, path);
  try {
    checkMemoryBytes(memoryBytes);
  } catch (cause) {
    throw new PeerError(`${path} is damaged, or no log: ${(cause as Error).message}`, { cause });
  }
  return memoryBytes;
}
