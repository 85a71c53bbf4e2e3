/**
 * One 8259A interrupt controller: requests, masks, priorities, its command words.
 *
 * After Intel's 8259A data sheet, and for ELCR the 82371 (PIIX) one. Three points where chips and
 * emulators are at odds follow the data sheet here: a request that drops before it is acknowledged
 * is withdrawn, in edge mode too ("the IR input must remain high until after the first INTA, else
 * a default IR7 occurs"); ICW1 clears the edge detectors, so a line that is high must fall and rise
 * again; a non-specific EOI in special mask mode spares levels that are masked.
 *
 * Called by pic.ts, which joins two of these into the pair of a PC.
 */
import { flag, powerOn, type RecordOf, u8 } from "./state.ts";

/** The master's input to which the slave's output is wired. */
export const CASCADE_IRQ = 2;

/** The state of one chip. All inputs are masked at power-on, as a firmware would leave them. */
export const CHIP_FIELDS = {
  /** Levels of the inputs. */
  lines: u8(),
  /** Interrupt request register. */
  irr: u8(),
  /** In-service register. */
  isr: u8(),
  /** Interrupt mask register (OCW1). */
  imr: u8({ initial: 0xff }),
  /** Inputs that are level-triggered by ELCR. */
  elcr: u8(),
  /** All inputs are level-triggered (ICW1 LTIM). */
  levelMode: flag(),
  /** The input that has the highest priority. */
  highest: u8({ max: 7 }),
  /** Vector of input 0 (ICW2). */
  vectorBase: u8({ mask: 0xf8 }),
  /** The initialization word expected next at the data port: 2, 3 or 4; 0 for none. */
  nextIcw: u8({ max: 4 }),
  needsIcw4: flag(),
  single: flag(),
  autoEoi: flag(),
  rotateOnAutoEoi: flag(),
  specialFullyNested: flag(),
  specialMask: flag(),
  /** The command port reads ISR instead of IRR (OCW3). */
  readsIsr: flag(),
  /** The next read is a poll (OCW3). */
  polls: flag(),
};

/** One 8259A. */
export class PicChip {
  /** Its registers. */
  readonly s: RecordOf<typeof CHIP_FIELDS> = powerOn(CHIP_FIELDS);

  /**
   * A chip at power-on.
   * @param isMaster whether input 2 is the cascade, which special fully nested mode exempts
   */
  constructor(readonly isMaster: boolean) {}

  /** Sets the level of input `irq` (0 to 7). */
  setLine(irq: number, level: boolean): void {
    const s = this.s;
    const bit = 1 << irq;
    if (!level) {
      s.lines &= ~bit;
      s.irr &= ~bit;
    } else if ((s.lines & bit) === 0) {
      s.lines |= bit;
      s.irr |= bit;
    }
  }

  /** The input to be served now, which is when the INT output is high; -1 if there is none. */
  pending(): number {
    const s = this.s;
    const requests = s.irr & ~s.imr;
    if (requests === 0) return -1;
    const blocking = s.specialMask ? s.isr & ~s.imr : s.isr;
    for (let rank = 0; rank < 8; rank++) {
      const irq = (s.highest + rank) & 7;
      const bit = 1 << irq;
      const blocked = (blocking & bit) !== 0;
      // A slave in service is not locked out in this mode: it may have something more urgent.
      const exempt = blocked && s.specialFullyNested && this.isMaster && irq === CASCADE_IRQ;
      if ((requests & bit) !== 0 && (!blocked || exempt)) return irq;
      if (blocked) return -1;
    }
    return -1;
  }

  /** The INTA cycle for input `irq`, which must be {@link pending}. */
  acknowledge(irq: number): void {
    const s = this.s;
    const bit = 1 << irq;
    if (!s.autoEoi) s.isr |= bit;
    else if (s.rotateOnAutoEoi) s.highest = (irq + 1) & 7;
    if ((this.#levelTriggered() & bit) === 0) s.irr &= ~bit;
  }

  /** Writes the command port (A0 = 0): ICW1, OCW2 or OCW3. */
  writeCommand(value: number): void {
    if ((value & 0x10) !== 0) this.#writeIcw1(value);
    else if ((value & 0x08) !== 0) this.#writeOcw3(value);
    else this.#writeOcw2(value);
  }

  /** Writes the data port (A0 = 1): the expected initialization word, or the mask. */
  writeData(value: number): void {
    const s = this.s;
    const afterIcw3 = s.needsIcw4 ? 4 : 0;
    switch (s.nextIcw) {
      case 2:
        s.vectorBase = value & 0xf8;
        s.nextIcw = s.single ? afterIcw3 : 3;
        break;
      case 3: // Says how the pair is wired, which on a PC never differs.
        s.nextIcw = afterIcw3;
        break;
      case 4:
        s.specialFullyNested = (value & 0x10) !== 0;
        s.autoEoi = (value & 0x02) !== 0;
        s.nextIcw = 0;
        break;
      default:
        s.imr = value;
    }
  }

  /** Reads the command port (not a poll): IRR or ISR. */
  readCommand(): number {
    return this.s.readsIsr ? this.s.isr : this.s.irr;
  }

  /** Chooses the level-triggered inputs. */
  writeElcr(value: number): void {
    this.s.elcr = value;
    this.s.irr |= this.s.lines & this.#levelTriggered();
  }

  #levelTriggered(): number {
    return this.s.levelMode ? 0xff : this.s.elcr;
  }

  #writeIcw1(value: number): void {
    const s = this.s;
    s.needsIcw4 = (value & 0x01) !== 0;
    s.single = (value & 0x02) !== 0;
    s.levelMode = (value & 0x08) !== 0;
    s.nextIcw = 2;
    s.irr = s.lines & this.#levelTriggered();
    s.isr = 0;
    s.imr = 0;
    s.highest = 0;
    s.autoEoi = s.rotateOnAutoEoi = s.specialFullyNested = false;
    s.specialMask = s.readsIsr = s.polls = false;
  }

  #writeOcw2(value: number): void {
    const s = this.s;
    const irq = value & 7;
    switch (value >> 5) {
      case 0:
        s.rotateOnAutoEoi = false;
        break;
      case 1:
        this.#endOfInterrupt(false);
        break;
      case 3:
        s.isr &= ~(1 << irq);
        break;
      case 4:
        s.rotateOnAutoEoi = true;
        break;
      case 5:
        this.#endOfInterrupt(true);
        break;
      case 6:
        s.highest = (irq + 1) & 7;
        break;
      case 7:
        s.isr &= ~(1 << irq);
        s.highest = (irq + 1) & 7;
        break;
    }
  }

  /** Non-specific: ends the one in service that has the highest priority. */
  #endOfInterrupt(rotate: boolean): void {
    const s = this.s;
    const candidates = s.specialMask ? s.isr & ~s.imr : s.isr;
    for (let rank = 0; rank < 8; rank++) {
      const irq = (s.highest + rank) & 7;
      if ((candidates & (1 << irq)) === 0) continue;
      s.isr &= ~(1 << irq);
      if (rotate) s.highest = (irq + 1) & 7;
      return;
    }
  }

  #writeOcw3(value: number): void {
    const s = this.s;
    if ((value & 0x40) !== 0) s.specialMask = (value & 0x20) !== 0;
    if ((value & 0x04) !== 0) s.polls = true;
    else if ((value & 0x02) !== 0) s.readsIsr = (value & 0x01) !== 0;
  }
}
