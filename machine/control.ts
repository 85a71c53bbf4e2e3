/**
 * The numbers that `control` and `data` events and outputs carry in the log, shared by recorder and replayer.
 */

/** What a `control` event says. */
export const ControlCode = {
  /** A digest of the machine at this point (digest.ts): the replay has to have the same. */
  digest: 1,
  /** The guest has ended: JSON of a GuestEnd. Nothing follows. */
  end: 2,
} as const;

/** Which device the bytes of a `data` event arrived at. */
export const DataDevice = { console: 0 } as const;

/** Which sink an output goes to: the machine has one so far. */
export const Sink = { console: 0 } as const;
