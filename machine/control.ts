/**
 * The numbers that `control` and `data` events and outputs carry in the log, shared by recorder and replayer.
 */
import type { Board } from "../devices/board.ts";

/** What a `control` event says. */
export const ControlCode = {
  /** A digest of the machine at this point (digest.ts): the replay has to have the same. */
  digest: 1,
  /** The guest has ended: JSON of a GuestEnd. Nothing follows. */
  end: 2,
} as const;

/** Which device the bytes of a `data` event arrived at: at the network card a frame each. */
export const DataDevice = { console: 0, net: 1 } as const;

/** Which sink an output goes to: a stream of bytes, the network card's as devices/net_frames.ts has it. */
export const Sink = { console: 0, net: 1 } as const;

/** Where each sink's stream of outputs stands, by the sink's number; there are only the sinks that the machine has. */
export function outputTotals({ console, net }: Board): readonly number[] {
  return net === undefined ? [console.txTotal] : [console.txTotal, net.txTotal];
}
