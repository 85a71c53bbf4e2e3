/**
 * The PC's pair of 8259A interrupt controllers: the master at 0x20, the slave at 0xa0 with its output
 * on the master's input 2, and the edge/level registers (ELCR) at 0x4d0.
 *
 * The board's devices drive its inputs; the vCPU loop asks {@link Pic.interruptPending} and runs the
 * INTA cycle with {@link Pic.acknowledge}.
 */
import type { DeviceEffect, PortDevice, Width } from "./device.ts";
import { CASCADE_IRQ, CHIP_FIELDS, PicChip } from "./pic_chip.ts";
import { type DeviceState, Registers } from "./state.ts";

/** Inputs that can be made level-triggered: not the timer, keyboard, cascade, RTC and FPU. */
const ELCR_MASTER_MASK = 0xf8;
const ELCR_SLAVE_MASK = 0xde;

/** Both controllers. */
export class Pic implements PortDevice {
  readonly name = "pic";
  /** The two of each chip, and ELCR's two. */
  readonly ports = [
    { first: 0x20, count: 2 },
    { first: 0xa0, count: 2 },
    { first: 0x4d0, count: 2 },
  ];
  readonly registers: Registers;
  readonly #master = new PicChip(true);
  readonly #slave = new PicChip(false);
  /** The outputs; both follow from the chips' state. */
  #masterInt = false;
  #slaveInt = false;

  /** Both chips as at power-on, everything masked. */
  constructor() {
    this.registers = new Registers(this.name, [
      { part: "master", table: CHIP_FIELDS, record: this.#master.s },
      { part: "slave", table: CHIP_FIELDS, record: this.#slave.s },
    ]);
  }

  /** The INT output to the CPU. */
  get interruptPending(): boolean {
    return this.#masterInt;
  }

  /** Sets the level of interrupt line `irq` (0 to 15). */
  setLine(irq: number, level: boolean): void {
    (irq < 8 ? this.#master : this.#slave).setLine(irq & 7, level);
    this.#settle();
  }

  /**
   * The INTA cycle: the vector (0 to 255) of the request of the highest priority, which is then in
   * service. If the request has gone meanwhile, the spurious one: input 7, not in service.
   */
  acknowledge(): number {
    const master = this.#master;
    const irq = master.pending();
    if (irq < 0) return master.s.vectorBase | 7;
    master.acknowledge(irq);
    let vector = master.s.vectorBase | irq;
    if (irq === CASCADE_IRQ && !master.s.single) {
      const inner = this.#slave.pending();
      vector = this.#slave.s.vectorBase | (inner < 0 ? 7 : inner);
      if (inner >= 0) this.#acknowledgeSlave(inner);
    }
    this.#settle();
    return vector;
  }

  /** Serves a read: IRR or ISR, IMR, ELCR, or a poll. */
  read(port: number, _width: Width): number {
    if (port === 0x4d0) return this.#master.s.elcr;
    if (port === 0x4d1) return this.#slave.s.elcr;
    const chip = port < 0x80 ? this.#master : this.#slave;
    if (chip.s.polls) return this.#poll(chip);
    return (port & 1) === 0 ? chip.readCommand() : chip.s.imr;
  }

  /** Serves a write of a command word, a mask, or ELCR. */
  write(port: number, _width: Width, value: number): DeviceEffect | undefined {
    if (port === 0x4d0) this.#master.writeElcr(value & ELCR_MASTER_MASK);
    else if (port === 0x4d1) this.#slave.writeElcr(value & ELCR_SLAVE_MASK);
    else {
      const chip = port < 0x80 ? this.#master : this.#slave;
      if ((port & 1) === 0) chip.writeCommand(value);
      else chip.writeData(value);
    }
    this.#settle();
    return undefined;
  }

  /** A copy of the state. */
  state(): DeviceState {
    return this.registers.values();
  }

  /**
   * Replaces the state.
   * @throws PeerError if it is malformed; then nothing has changed
   */
  restore(state: DeviceState): void {
    this.registers.assign(state);
    this.#slaveInt = this.#slave.pending() >= 0;
    this.#masterInt = this.#master.pending() >= 0;
  }

  /** A poll takes the place of INTA: it acknowledges, and answers with bit 7 and the input. */
  #poll(chip: PicChip): number {
    chip.s.polls = false;
    const irq = chip.pending();
    if (irq < 0) return 0;
    if (chip === this.#slave) this.#acknowledgeSlave(irq);
    else chip.acknowledge(irq);
    this.#settle();
    return 0x80 | irq;
  }

  /** INT falls at every INTA, so that the master sees an edge again if more is pending. */
  #acknowledgeSlave(irq: number): void {
    this.#slave.acknowledge(irq);
    this.#slaveInt = false;
    this.#master.setLine(CASCADE_IRQ, false);
  }

  /** Works out the outputs anew, and passes the slave's on when it has changed. */
  #settle(): void {
    const slaveInt = this.#slave.pending() >= 0;
    if (slaveInt !== this.#slaveInt) {
      this.#slaveInt = slaveInt;
      this.#master.setLine(CASCADE_IRQ, slaveInt);
    }
    this.#masterInt = this.#master.pending() >= 0;
  }
}
