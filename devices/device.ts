/**
 * What a device is: ports or registers in memory in, values and effects out, and an interrupt line.
 *
 * A device is pure. It performs nothing (it returns a {@link DeviceEffect}), reads no clock
 * (`advance` moves it), and holds no state besides its {@link Registers}. So two boards that see the
 * same accesses and the same advances stay equal, which is what record and replay rest on.
 *
 * Called by the board, which owns dispatch, and by the devices, which implement it.
 */
import type { DeviceState, Registers } from "./state.ts";

/** How wide an access is, in bytes. */
export type Width = 1 | 2 | 4;

/** Sets the level of an interrupt line. Setting the level that it has already changes nothing. */
export type Line = (level: boolean) => void;

/** Where bytes leave the machine: the serial console, or the network as net_frames.ts has it. */
export type OutputSink = "console" | "net";

/** What the outside has to do as the result of a guest's write. */
export type DeviceEffect =
  /** `bytes` leave the machine by way of the named sink. */
  | { readonly kind: "output"; readonly sink: OutputSink; readonly bytes: Uint8Array }
  /** The guest pulled the reset line. */
  | { readonly kind: "reset" }
  /** The guest ended the machine with its own code (0 to 2^32 - 1). */
  | { readonly kind: "debug-exit"; readonly code: number };

/** Successive ports. */
export interface PortRange {
  /** The lowest port. */
  readonly first: number;
  /** How many ports from there. */
  readonly count: number;
}

/** A device on the port bus. */
export interface PortDevice {
  /** Unique on its board; the digest's prefix. */
  readonly name: string;
  /** The ports that it answers. */
  readonly ports: readonly PortRange[];
  /**
   * True for a device that takes accesses of 2 and 4 bytes at its first port whole. All others see
   * bytes only: the board splits a wide access into bytes at successive ports, as a PC's bus does.
   */
  readonly wide?: boolean;
  /** The fields that make up this device's state. */
  readonly registers: Registers;

  /** Serves a guest's read of one of `ports`; the value fits `width` bytes. */
  read(port: number, width: Width): number;
  /** Serves a guest's write; `value` fits `width` bytes. */
  write(port: number, width: Width, value: number): DeviceEffect | undefined;

  /**
   * Moves the device to a later machine time, in microseconds; never past `deadlineUs()`.
   * Devices without it do not depend on time.
   */
  advance?(clockUs: number): void;
  /**
   * The next machine time, in microseconds and after the present one, at which the device by itself
   * raises its interrupt line; Infinity if it never does. A line that falls wakes nobody and is no
   * deadline: it falls at the first advance to or past that time.
   */
  deadlineUs?(): number;
  /** Whether the answer to (or the meaning of) such an access depends on the machine clock. */
  dependsOnClock?(port: number, isWrite: boolean): boolean;

  /** A copy of the state. */
  state(): DeviceState;
  /**
   * Replaces the state and moves no interrupt line: the PIC's own state has the lines' levels.
   * @throws PeerError naming the field if the state is malformed; then nothing has changed
   */
  restore(state: DeviceState): void;
}

/** A device with registers in memory. */
export interface MmioDevice {
  /** Unique on its board; the digest's prefix. */
  readonly name: string;
  /** The fields that make up this device's state. */
  readonly registers: Registers;

  /** Serves a guest's read of `width` bytes (1 to 8), `offset` bytes from where its registers begin. */
  readMmio(offset: number, width: number, into: Uint8Array): void;
  /** Serves a guest's write of the first `width` bytes of `data`. */
  writeMmio(offset: number, width: number, data: Uint8Array): DeviceEffect | undefined;

  /** A copy of the state. */
  state(): DeviceState;
  /**
   * Replaces the state and moves no interrupt line: the PIC's own state has the lines' levels.
   * @throws PeerError naming the field if the state is malformed; then nothing has changed
   */
  restore(state: DeviceState): void;
}
