/**
 * What main and a recording vCPU's thread say to each other, besides outputs and frames.
 */
import type { GuestEnd } from "../machine/machine.ts";

/** Main to the recorder. */
export type RecorderCommand =
  /** Log from now on, beginning with the whole state. */
  | { readonly type: "startLog"; readonly session: number; readonly generation: number }
  | { readonly type: "stopLog" }
  /** Stop at the next chance, close the frame, say `paused`. */
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** End the guest as if it had ended by itself. */
  | { readonly type: "end"; readonly why: string }
  /** Leave the loop; nothing more is said but `gone`. */
  | { readonly type: "quit" };

/** The recorder to main. */
export type RecorderNotice =
  /** The state that begins this session is being captured: frames follow. */
  | { readonly type: "captured"; readonly session: number; readonly point: number }
  /** The machine stands still; `sequence` is the last frame of its log. */
  | { readonly type: "paused"; readonly sequence: number }
  /** The guest has ended; `sequence` is the last frame of its log. */
  | { readonly type: "ended"; readonly end: GuestEnd; readonly sequence: number };
