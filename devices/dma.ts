/**
 * Guest memory as a device reaches it: checked, and so narrow that a test can stand in for it.
 *
 * A device reads and writes guest memory only while the board serves an access or takes in what arrives, which is
 * between two entries of the guest and at an execution point. So it is as deterministic as all else that a device does.
 *
 * Implemented by machine/guest_memory.ts, which counts what is written as dirty. Used by the devices that have queues
 * in guest memory.
 */

/** See the top of the file. */
export interface DmaMemory {
  /** Whether `length` bytes from the guest address `address` on are all memory; false also for what is no address. */
  contains(address: number, length: number): boolean;
  /** Fills `into` from a guest address that {@link contains} as much. */
  read(address: number, into: Uint8Array): void;
  /** Writes `bytes` at a guest address that {@link contains} as much. */
  write(address: number, bytes: Uint8Array): void;
}
