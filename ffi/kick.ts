/**
 * Stopping a guest that does not exit by itself, from another thread and without a signal handler.
 *
 * The vCPU's thread blocks one signal, and tells KVM to unblock it while the guest runs. So the signal
 * can only stop KVM_RUN, which returns EINTR; it is never delivered, stays pending, and is taken from
 * there. A kick that comes while the guest does not run stops the next entry: none gets lost.
 *
 * `prepareKicks` and `drainKicks` are called in the vCPU's thread, `kick` anywhere in the process.
 */
import { OsError } from "../base/errors.ts";
import { check, Errno, errno, libc, SIG_BLOCK, sigsetBytes } from "./libc.ts";
import type { Vcpu } from "./vcpu.ts";

/** A real-time signal that neither libc (32 to 34) nor Deno uses. */
export const kickSignal = 40;

/** The thread to kick. Plain numbers, to be posted to another thread. */
export interface KickTarget {
  /** The process, getpid(). */
  readonly pid: number;
  /** The thread, gettid(). */
  readonly tid: number;
}

const kickBit = 1n << BigInt(kickSignal - 1);

const kickSet = new Uint8Array(sigsetBytes);
new DataView(kickSet.buffer).setBigUint64(0, kickBit, true);
/** A struct timespec of zero: do not wait. */
const noTime = new Uint8Array(16);

/**
 * Makes the calling thread, which is to run `vcpu`, one that can be kicked.
 * @throws OsError
 */
export function prepareKicks(vcpu: Vcpu): KickTarget {
  const before = new Uint8Array(sigsetBytes);
  const error = libc.pthread_sigmask(SIG_BLOCK, kickSet, before);
  if (error !== 0) throw new OsError("pthread_sigmask", error);
  const mask = new DataView(before.buffer).getBigUint64(0, true);
  vcpu.setSignalMask(mask & ~kickBit);
  return { pid: libc.getpid(), tid: libc.gettid() };
}

/**
 * Takes the kicks that are pending in the calling thread; without that the guest would not be entered
 * again. To be called whenever `run()` returned false.
 * @returns how many there were; 0 says that something else stopped the guest
 * @throws OsError
 */
export function drainKicks(): number {
  for (let taken = 0;;) {
    if (libc.sigtimedwait(kickSet, null, noTime) >= 0) taken++;
    else if (errno() === Errno.EAGAIN) return taken;
    else if (errno() !== Errno.EINTR) throw new OsError("sigtimedwait", errno());
  }
}

/**
 * Stops the guest that `target` runs, or is about to run. Only while that thread lives: a thread that
 * got its number later would die of the signal.
 * @throws OsError
 */
export function kick({ pid, tid }: KickTarget): void {
  check(
    libc.tgkill(pid, tid, kickSignal),
    `tgkill of thread ${tid}`,
    "is the vCPU's thread alive?",
  );
}
