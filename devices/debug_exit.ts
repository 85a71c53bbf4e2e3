/**
 * The debug exit at port 0xf4: a guest writes v, and the machine ends with guest code v.
 *
 * Like QEMU's isa-debug-exit, so that a guest image needs to know one way to end only; but v is the
 * code itself, where QEMU makes 2v + 1 of it. Called by the board.
 */
import type { DeviceEffect, PortDevice, Width } from "./device.ts";
import { type DeviceState, Registers } from "./state.ts";

/** The device at 0xf4; writes of 1, 2 and 4 bytes are taken whole. It reads as zero. */
export class DebugExit implements PortDevice {
  readonly name = "debug-exit";
  /** Its one port; a wide access is not split from there. */
  readonly ports = [{ first: 0xf4, count: 1 }];
  readonly wide = true;
  readonly registers = new Registers(this.name, []);

  /** Zero. */
  read(_port: number, _width: Width): number {
    return 0;
  }

  /** Ends the machine with `value`. */
  write(_port: number, _width: Width, value: number): DeviceEffect {
    return { kind: "debug-exit", code: value };
  }

  /** Nothing: the device remembers nothing. */
  state(): DeviceState {
    return this.registers.values();
  }

  /**
   * Does nothing.
   * @throws PeerError if `state` has a field
   */
  restore(state: DeviceState): void {
    this.registers.assign(state);
  }
}
