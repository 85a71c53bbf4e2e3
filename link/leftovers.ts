/**
 * What strangers leave behind, given back in time.
 *
 * A handshake that fails leaves some 45 KiB that nobody refers to any more: streams of node:stream, errors, native
 * memory that hangs on small objects. The engine looks for such when its heap has doubled or trebled, which for who
 * floods a port is tens of MB first. So after every {@link leftoverCount} of them it is told to look now. That
 * takes 10 to 40 ms of the main thread, a tenth of what the handshakes themselves have taken; the guest has a thread
 * of its own.
 *
 * `door.ts` counts who was turned away.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { leftoverCount } from "../base/limits.ts";

/** Of all doors together: they leave it in the same memory. */
let count = 0;
let collect: (() => void) | undefined;

/** Somebody was turned away. */
export function leftBehind(): void {
  if (++count % leftoverCount !== 0) return;
  collect ??= exposedCollector();
  collect();
}

/** The engine shows its collector only when it is asked to, and then to new contexts only. */
function exposedCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
