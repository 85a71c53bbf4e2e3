/**
 * What main and a replaying vCPU's thread say to each other, besides frames and outputs.
 */
import type { Divergence } from "../protocol/backup.ts";
import type { Verify } from "../protocol/verify.ts";

/** Main to the replayer. */
export type ReplayCommand =
  /** Replay what has been sent before this, then say `drained` and stand still. */
  | { readonly type: "drain" }
  /** Go on as a recorder, from where the replay stands. After `drained` or `diverged`. */
  | { readonly type: "goLive"; readonly wallMs: number; readonly verify: Verify }
  | { readonly type: "quit" };

/** The replayer to main. */
export type ReplayNotice =
  | { readonly type: "replayed"; readonly sequence: number; readonly point: number }
  /** All that was sent before `drain` has been replayed and verified. */
  | { readonly type: "drained" }
  | { readonly type: "diverged"; readonly divergence: Divergence };
