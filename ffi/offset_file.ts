/**
 * A file that is written at given offsets: writing the same bytes at the same place twice is harmless,
 * which is what makes a console file exact over a takeover (DESIGN.md section 5, sinks).
 *
 * Called by sinks/.
 */
import { OsError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { Descriptor } from "./descriptor.ts";
import { check, cString, libc, openFlags } from "./libc.ts";

/** Read and write for all, less the umask. */
const createMode = 0o666;

/** A file open for writing, never in O_APPEND mode. */
export class OffsetFile extends Descriptor {
  /**
   * Opens `path`, creating it if it is not there; never truncates.
   * @throws OsError
   */
  static open(path: string): OffsetFile {
    const { O_WRONLY, O_CREAT, O_CLOEXEC } = openFlags;
    const fd = libc.open(cString(path), O_WRONLY | O_CREAT | O_CLOEXEC, createMode);
    return new OffsetFile(check(fd, `open of ${path}`, "check the path and its permissions"));
  }

  /**
   * pwrite, until all bytes are written.
   * @param offset in bytes from the start of the file
   * @throws OsError
   */
  writeAt(bytes: Bytes, offset: number): void {
    const advice = "the file must be a regular one on a disk with room";
    for (let done = 0; done < bytes.byteLength;) {
      const rest = bytes.subarray(done);
      const result = libc.pwrite(this.fd, rest, BigInt(rest.byteLength), BigInt(offset + done));
      const written = check(Number(result), `pwrite of ${rest.byteLength} bytes`, advice);
      if (written === 0) throw new OsError("pwrite", 0, advice);
      done += written;
    }
  }
}
