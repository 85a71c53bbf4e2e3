/**
 * The seam between recording and replaying: who answers "what entered here?".
 *
 * The vCPU loop is the same on both sides and asks an `InputSource` at every execution point. The
 * recorder (primary/) answers from the host and writes the answer down; the replayer (backup/) reads the
 * answer from the log. A source answers by doing: it moves the machine's clock and hands bytes to
 * devices.
 */
import type { Machine } from "./machine.ts";

/** What the loop does after a boundary. */
export type Verdict =
  /** Go on. */
  | "go"
  /** Complete the pending instruction, then call `settled`. */
  | "settle"
  /** Return from the loop. */
  | "stop";

/** Answers the loop's questions; see the methods for when each is asked. */
export interface InputSource {
  /**
   * An exit was taken and is about to be served. Lets enter what belongs to this point.
   * @param clockMatters whether what the guest is about to see depends on the clock
   */
  enter(machine: Machine, clockMatters: boolean): void;
  /**
   * The guest is halted and no interrupt can be delivered. Blocks until something has entered, or until
   * there is something to be seen to at the boundary.
   */
  idle(machine: Machine): void;
  /**
   * Between two exits: the guest is not entered before this says so. Called again after each `settled`,
   * each kick and each `idle`.
   */
  boundary(machine: Machine): Verdict;
  /** The pending instruction is complete: state may be captured, digested or applied now. */
  settled(machine: Machine): void;
  /** A signal stopped the guest, or kept it from being entered. */
  kicked(machine: Machine): void;
  /** The guest put bytes out, at this point, to this sink, at this stream offset. */
  output(machine: Machine, sink: number, offset: number, bytes: Uint8Array): void;
}
