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
