/**
 * How willingly a thread gives its core away.
 *
 * Called by machine/, in the vCPU's thread.
 */
import { libc } from "./libc.ts";

/** Makes the calling thread nicer by `by`, 1 to 19. That is always allowed; to take it back may not be. */
export function giveWay(by: number): void {
  libc.nice(by);
}

/**
 * Does what others wait for with a claim to the core that is stronger by `by`, where the system allows that: it
 * takes CAP_SYS_NICE, or RLIMIT_NICE. Without, it is done as everything else.
 */
export function inHaste<T>(by: number, work: () => T): T {
  const before = libc.nice(0);
  const isGranted = libc.nice(-by) === before - by;
  try {
    return work();
  } finally {
    if (isGranted) libc.nice(by);
  }
}
