/**
 * The words of the backup's protocol: its rules, what can happen to it, what it wants done.
 *
 * backup.ts decides by them, backup/ carries them out.
 */
import type { Message, MessageOf } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import type { ClaimOutcome, Halt } from "./types.ts";

/** What does not change while a backup follows. */
export interface BackupRules {
  /** How this side is called, for people. */
  readonly who: string;
  /** The machine it wants to follow; empty: whichever the primary has. */
  readonly machineId: string;
  /** Wait between two claims when the arbiter is out of reach. */
  readonly claimRetryMs: number;
  /**
   * Log that may have been received and not yet replayed, in bytes: below it the primary sends one more
   * frame.
   */
  readonly windowBytes: number;
  /** Outputs that may be kept, in bytes. */
  readonly keptBytesMax: number;
  /** Take over although the log that was drained did not replay exactly. */
  readonly takeoverDiverged: boolean;
}

/** A frame of the log, as it came in, its checksum verified. */
export interface ReceivedFrame {
  /** The generation that it was recorded in. */
  readonly generation: number;
  /** From 1, without gaps. */
  readonly sequence: number;
  /** The execution point up to which it makes the log complete. */
  readonly through: number;
  /** All of it, header included. */
  readonly bytes: Uint8Array;
}

/** Where a replay differs. */
export interface Divergence {
  /** The first execution point known to differ. */
  readonly point: number;
  /** The part of the machine that differs. */
  readonly place: string;
  /** What the log says. */
  readonly recorded: string;
  /** What this side has. */
  readonly replayed: string;
  /** The checksums of the exits since the last frame that was verified, as a trail gives them. */
  readonly checksums?: Uint8Array;
}

/** What can happen to a backup. */
export type BackupInput =
  | { readonly type: "connected" }
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "frame"; readonly frame: ReceivedFrame }
  | { readonly type: "closed"; readonly why: string }
  | { readonly type: "output"; readonly output: Output }
  /** All of the frame `sequence` has been replayed and verified; the machine stands at `point`. */
  | { readonly type: "replayed"; readonly sequence: number; readonly point: number }
  /** After `drain`: all that was received has been replayed and verified. */
  | { readonly type: "drained" }
  | { readonly type: "diverged"; readonly divergence: Divergence }
  /** After `renew`: the replay stands still. `hashes`: of its memory's pages, two u32 each; undefined: the
   * state has to bring all of them. Nothing of what was told before follows. */
  | { readonly type: "renewed"; readonly hashes?: Uint8Array }
  /** The machine has the state that the log begins with; the outputs that are not done follow. */
  | { readonly type: "state" }
  /** The divergence is described there. */
  | { readonly type: "reported"; readonly where: string }
  | { readonly type: "claimed"; readonly generation: number; readonly outcome: ClaimOutcome }
  | { readonly type: "leave"; readonly why: string };

/** What a backup wants done. */
export type BackupEffect =
  | { readonly type: "send"; readonly message: Message }
  | { readonly type: "close"; readonly why: string }
  /** Make an empty machine for the state that is to come. */
  | { readonly type: "prepare"; readonly welcome: MessageOf<"welcome"> }
  | { readonly type: "feed"; readonly frame: ReceivedFrame }
  /** The replay differs: count it, describe it. */
  | { readonly type: "diverged"; readonly divergence: Divergence }
  /** What the primary has of it: the first exit that differs, as it was recorded; empty: nothing. */
  | { readonly type: "recorded"; readonly point: number; readonly exit: Uint8Array }
  /** Give up what is being replayed and wait for a state; say `renewed` then. */
  | { readonly type: "renew" }
  /** These bytes are done: a sink that keeps a copy may write them. */
  | { readonly type: "done"; readonly output: Output }
  | { readonly type: "drain" }
  | { readonly type: "claim"; readonly generation: number }
  | { readonly type: "goLive"; readonly generation: number; readonly kept: readonly Output[] }
  | { readonly type: "rejoin"; readonly why: string; readonly diverged: boolean }
  | { readonly type: "report"; readonly text: string }
  | ({ readonly type: "halt" } & Halt);

/** Where a backup stands. */
export type BackupPhase =
  | "joining"
  | "following"
  | "diverged"
  | "draining"
  | "claiming"
  | "live"
  | "over";
