/**
 * The log as a file: a short header, then the frames of one session as they were closed.
 *
 * ```
 *  0  "USTYLOG\0"
 *  8  u32 version, 3
 * 12  u32 guest memory in pages of 4096 bytes
 * 16  frames, the first of which begin the machine's whole state
 * ```
 *
 * A file may end anywhere (its writer may have been killed): whole frames before the cut are good.
 */
import { PeerError } from "../base/errors.ts";
import { HEADER_BYTES, readHeader } from "./codec.ts";

const MAGIC = "USTYLOG\0";
const VERSION = 3;
/** The length of the file's header. */
export const LOG_FILE_HEADER_BYTES = 16;
const PAGE_BYTES = 4096;

/** The header of a log file. */
export function encodeLogFileHeader(memoryBytes: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(LOG_FILE_HEADER_BYTES);
  header.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(header.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, memoryBytes / PAGE_BYTES, true);
  return header;
}

/** Reads a log file's header. @throws PeerError if it is none */
export function readLogFileHeader(file: Uint8Array, name: string): { memoryBytes: number } {
  const magic = new TextDecoder().decode(file.subarray(0, MAGIC.length));
  if (file.length < LOG_FILE_HEADER_BYTES || magic !== MAGIC) {
    throw new PeerError(`${name} is not a log: it does not begin with "USTYLOG"`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw new PeerError(`${name} is a log of version ${version}, expected ${VERSION}`);
  }
  return { memoryBytes: view.getUint32(12, true) * PAGE_BYTES };
}

/**
 * The whole frames of a log file, in order.
 * @returns at the end, how many bytes are left over: 0 unless the file was cut
 * @throws PeerError where there is no frame's header
 */
export function* framesOf(file: Uint8Array, name: string): Generator<Uint8Array, number> {
  let at = LOG_FILE_HEADER_BYTES;
  while (at + HEADER_BYTES <= file.length) {
    let payloadBytes: number;
    try {
      ({ payloadBytes } = readHeader(file.subarray(at, at + HEADER_BYTES)));
    } catch (error) {
      throw new PeerError(`${name}, offset ${at}: ${(error as Error).message}`);
    }
    const end = at + HEADER_BYTES + payloadBytes;
    if (end > file.length) break;
    yield file.subarray(at, end);
    at = end;
  }
  return file.length - at;
}
