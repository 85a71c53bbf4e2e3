/**
 * What strangers leave behind, given back in time.
 *
 * A connection that was turned away leaves what nobody refers to any more: streams, errors, and native memory that
 * hangs on small objects, so that the engine sees little reason to look for it. It does so when its heap has
 * doubled or trebled, which for who floods a port is tens of MB. So when about {@link leftoverBytes} lie there it
 * is told to look now. That takes some 25 ms of the main thread (the guest has a thread of its own), a sixth
 * of what the connections themselves have taken.
 *
 * `tls.ts` counts handshakes that failed.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { leftoverBytes } from "../base/limits.ts";

/** Of all doors together, in bytes: they leave it in the same memory. */
let left = 0;
let collect: (() => void) | undefined;

/** About so many bytes have been left. */
export function leaveBehind(bytes: number): void {
  left += bytes;
  if (left < leftoverBytes) return;
  left = 0;
  collect ??= exposedCollector();
  collect();
}

/** The engine shows its collector only where it is asked to, and then to new contexts only. */
function exposedCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
