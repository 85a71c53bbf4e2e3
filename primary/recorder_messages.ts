/**
 * What main and a recording vCPU's thread say to each other, besides outputs and frames.
 */
import type { GuestEnd } from "../machine/machine.ts";

/** Log from now on, beginning with the whole state. */
export interface StartLog {
  readonly type: "startLog";
  readonly session: number;
  readonly generation: number;
  /** A frame is closed at this age, though no output waits for it. */
  readonly frameAgeMs: number;
  /** States instead of events. */
  readonly checkpointing: boolean;
  /** Checkpointing, an output waits for so long for others. */
  readonly epochLengthMs: number;
}

/** Main to the recorder. */
export type RecorderCommand =
  | StartLog
  | { readonly type: "stopLog" }
  /** Stop at the next chance, close the frame, say `paused`. */
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** Pause for this share of the time, in short pauses; 0: not at all. */
  | { readonly type: "throttle"; readonly share: number }
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
