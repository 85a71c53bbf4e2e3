/**
 * The words of the primary's protocol: its rules, what can happen to it, what it wants done.
 *
 * primary.ts decides by them, primary/ carries them out.
 */
import type { Message, MessageOf } from "./messages.ts";
import type { Output } from "./output_gate.ts";
import type { Settings, SharedRules } from "./rules.ts";
import type { ClaimOutcome, Connection, Halt, MachineEnd } from "./types.ts";

/** What a primary goes by. */
export interface PrimaryRules extends SharedRules {
  /** Wait between two claims when the arbiter is out of reach. */
  readonly claimRetryMs: number;
  /** Bytes of log that the backup may have received and not yet replayed. */
  readonly windowBytes: number;
  /**
   * The same of pages of the state that a session begins with, while the machine runs: apart from the log's
   * window, so that neither holds the other one up.
   */
  readonly pageWindowBytes: number;
  /** Bytes of log that may be on their way, whatever the link has shown to carry. */
  readonly burstBytes: number;
  /**
   * Bytes of output that may be held. More than the machine's thread puts out before any one frame: it comes
   * after them, and what holds them up must not hold it up.
   */
  readonly heldBytesMax: number;
}

/** A frame of the log, as the machine's thread closed it. */
export interface LoggedFrame {
  /** Which session the frame belongs to: the number that `startLog` named. */
  readonly session: number;
  /** From 1, without gaps in a session. */
  readonly sequence: number;
  /** The execution point up to which it makes the log complete. */
  readonly through: number;
  /** Console input that the log up to here has consumed: a stream offset. */
  readonly inputOffset: number;
  /** How long the guest had run when the frame was closed, in microseconds. */
  readonly ranUs: number;
  /** The frame completes the state that the session began with. */
  readonly completesState: boolean;
  /** The frame as it is sent, header included. */
  readonly bytes: Uint8Array;
}

/** How far a state transfer has come. */
export interface Transfer {
  /** From 0: all of memory that is not zero. Each later one has what was written meanwhile. */
  readonly round: number;
  /** Pages that have been sent, in bytes of guest memory. */
  readonly sentBytes: number;
  /** Pages of this round that have not been sent yet, in bytes of guest memory. */
  readonly leftBytes: number;
  /** The share of time in which the guest is made to pause so that the rounds shrink, in thousandths. */
  readonly pauseShare: number;
  /** For how long the machine stood still, in microseconds; 0: it has not been stopped yet. */
  readonly stopUs: number;
}

/** What can happen to a primary. */
export type PrimaryInput =
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly connection: Connection; readonly message: Message }
  | { readonly type: "closed"; readonly connection: Connection; readonly why: string }
  /** Pages of the state that a session begins with; the machine runs, or has gone on. */
  | { readonly type: "pages"; readonly frame: LoggedFrame }
  /** From the machine's thread: what completes the state, then the log. May be ahead of the last pages. */
  | { readonly type: "frame"; readonly frame: LoggedFrame }
  | { readonly type: "transfer"; readonly session: number; readonly transfer: Transfer }
  | { readonly type: "output"; readonly output: Output }
  | { readonly type: "performed"; readonly sink: number }
  | { readonly type: "claimed"; readonly generation: number; readonly outcome: ClaimOutcome }
  | { readonly type: "probed"; readonly reachable: boolean; readonly why: string }
  | { readonly type: "paused"; readonly sequence: number }
  | { readonly type: "guestEnded"; readonly end: MachineEnd; readonly sequence: number }
  /** Somebody wants it to go by other settings. */
  | { readonly type: "set"; readonly settings: Partial<Settings> }
  | { readonly type: "handover" };

/** What a primary wants done. */
export type PrimaryEffect =
  | { readonly type: "send"; readonly connection: Connection; readonly message: Message }
  | { readonly type: "sendFrame"; readonly connection: Connection; readonly frame: LoggedFrame }
  | { readonly type: "close"; readonly connection: Connection; readonly why: string }
  | { readonly type: "perform"; readonly output: Output }
  /** The backup holds the log of console input up to this offset. (Alone, all input is committed.) */
  | { readonly type: "inputCommitted"; readonly offset: number }
  /** Log from the machine's whole state on: its pages while it runs, then the rest; frames numbered from 1. */
  | { readonly type: "startLog"; readonly session: number; readonly generation: number }
  | { readonly type: "stopLog" }
  /** The rules have changed, and with them how the log is kept. */
  | { readonly type: "logRules" }
  /** Tell this backup `recorded`: the first exit that differs. */
  | {
    readonly type: "recall";
    readonly connection: Connection;
    readonly divergence: MessageOf<"diverged">;
  }
  /** The next log's state can leave out the pages whose hashes these are; two u32 a page. */
  | { readonly type: "pages"; readonly first: number; readonly hashes: Uint8Array }
  | { readonly type: "claim"; readonly generation: number; readonly ended: boolean }
  | { readonly type: "probeArbiter" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "report"; readonly text: string }
  | ({ readonly type: "halt" } & Halt);

/** Where a primary stands; primary.ts draws how it gets there. */
export type PrimaryMode =
  | "alone"
  | "securing"
  | "protected"
  | "healing"
  | "claiming"
  | "ending"
  | "over";
