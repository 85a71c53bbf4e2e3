/**
 * What main and a recording vCPU's thread say to each other, besides outputs and frames.
 */
import type { GuestEnd } from "../machine/machine.ts";

/** The end of a state transfer in rounds: the machine stops until the last pages have been copied out. */
export interface LastRound {
  /** The number of the last frame with pages. */
  readonly sequence: number;
  /** Where pages are copied to, in this process, and how many have room there. */
  readonly staging: { readonly address: number; readonly pages: number };
  /** So many of them will be in a frame: the log's frames have the numbers after those. */
  readonly pagesPerFrame: number;
}

/** How a log is kept. */
export interface LogRules {
  /** A frame is closed at this age, though no output waits for it. */
  readonly frameAgeMs: number;
  /** States instead of events. */
  readonly checkpointing: boolean;
  /** Checkpointing, an output waits for so long for others. */
  readonly epochLengthMs: number;
}

/** Log from now on, beginning with the state: all of it, or what is left of it after a transfer in rounds. */
export interface StartLog extends LogRules {
  readonly type: "startLog";
  readonly session: number;
  readonly generation: number;
  readonly lastRound?: LastRound;
}

/** Main to the recorder. */
export type RecorderCommand =
  | StartLog
  /** Keep the present session's log in another way from now on. */
  | { readonly type: "keepLog" } & LogRules
  /**
   * A state transfer in rounds begins: from now on count what is written, and say `copying`; and if `isKnown`, then
   * say as `dirty` which pages the backup may lack whose hashes were sent before this.
   */
  | { readonly type: "copy"; readonly session: number; readonly isKnown: boolean }
  /** Say which pages were written since it was said last. */
  | { readonly type: "takeDirty" }
  /** No log, no state transfer; say `logStopped`. `heals`: the same backup will get a state. */
  | { readonly type: "stopLog"; readonly session: number; readonly heals: boolean }
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
  /** What is written is being counted. */
  | { readonly type: "copying"; readonly session: number }
  /** The state that begins this session has been captured, for which the machine stood still so long. */
  | { readonly type: "captured"; readonly session: number; readonly stopUs: number }
  /** Nothing of an earlier session follows, and no memory that was lent for it is used any more. */
  | { readonly type: "logStopped"; readonly session: number }
  /** The machine stands still; `sequence` is the last frame of its log. */
  | { readonly type: "paused"; readonly sequence: number }
  /** The guest has ended; `sequence` is the last frame of its log. */
  | { readonly type: "ended"; readonly end: GuestEnd; readonly sequence: number };
