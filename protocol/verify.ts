/**
 * How often the log carries a digest of the whole machine: what finds a divergence that changes neither an exit
 * nor an output, and names the field.
 *
 * The checksums of the exit sequence and of the outputs are not part of this choice: every frame has them.
 * The primary chooses (`--verify`), says so in its welcome, and a backup that takes over goes on like that.
 */
import { exitsPerDigest } from "../base/limits.ts";

/** See {@link parseVerify}. */
export type Verify = "every" | "commit" | "off" | number;

/** Unless somebody chooses otherwise. */
export const verifyDefault: Verify = exitsPerDigest;

/**
 * `every`: at each execution point where no instruction is pending. `commit`: at each frame that an output waits for. A number: as soon as there
 * have been so many exits. `off`: never. Undefined: it is none of these.
 */
export function parseVerify(text: string): Verify | undefined {
  if (text === "every" || text === "commit" || text === "off") return text;
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** What {@link parseVerify} takes, in words. */
export const verifyExpected = "every, commit, off, or a number of exits";
