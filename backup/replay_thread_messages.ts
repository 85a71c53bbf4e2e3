/**
 * What main and a replaying vCPU's thread say to each other, besides frames and outputs.
 */
import type { Difference } from "../base/errors.ts";
import type { Divergence } from "../protocol/backup.ts";
import type { Verify } from "../protocol/verify.ts";

/** Main to the replayer. */
export type ReplayCommand =
  /** Replay what has been sent before this, then say `drained` and stand still. */
  | { readonly type: "drain" }
  /** Give up what is being replayed, say `renewed`, and go on with the state that is sent after this. */
  | { readonly type: "renew" }
  /** Go on as a recorder, from where the replay stands. After `drained` or `diverged`. */
  | { readonly type: "goLive"; readonly wallMs: number; readonly verify: Verify }
  | { readonly type: "quit" };

/** What a replay that differs knows of it besides. */
export interface DivergenceDetails {
  /** All fields that are known to differ. */
  readonly differences: readonly Difference[];
  /** The devices' fields where the replay stands. */
  readonly devices: Readonly<Record<string, string>>;
}

/** The replayer to main. */
export type ReplayNotice =
  | { readonly type: "replayed"; readonly sequence: number; readonly point: number }
  /** The machine has a state; outputs that are not done follow, as outputs. */
  | { readonly type: "state" }
  /** All that was sent before `drain` has been replayed and verified. */
  | { readonly type: "drained" }
  | {
    readonly type: "diverged";
    readonly divergence: Divergence;
    readonly details: DivergenceDetails;
  }
  /** It stands still and waits for a state; records with its pages' hashes went before. */
  | { readonly type: "renewed" };
