/**
 * The 16550A serial port at 0x3f8, IRQ4: the machine's console.
 *
 * After National's PC16550D data sheet, with the wire left out: a byte that is written has left at
 * once (THRE and TEMT are always set), bytes arrive when the outside says so and never with errors.
 * The character timeout, four character times on the chip, has likewise passed at once: a FIFO below
 * its trigger level shows the timeout indication until it is empty. So the port has no clock. The
 * modem at the other end is always there: CTS, DSR and DCD. OUT2, which gates the interrupt on a PC's
 * card, does not here, as in other emulators: small guests leave it out.
 *
 * Called by the board; its `receive` side by the vCPU loop, for `data` events.
 */
import { assert } from "../base/assert.ts";
import type { DeviceEffect, Line, PortDevice, Width } from "./device.ts";
import {
  bytes,
  type DeviceState,
  flag,
  int53,
  powerOn,
  type RecordOf,
  Registers,
  u16,
  u8,
} from "./state.ts";
import { FCR, IER, IIR, LCR, LSR, MCR, MSR } from "./uart_bits.ts";

const FIFO_BYTES = 16;
/** FIFO trigger levels by FCR bits 7 and 6. */
const TRIGGER_BYTES = [1, 4, 8, 14] as const;

const UART_FIELDS = {
  ier: u8({ mask: 0x0f }),
  /** What FCR keeps: enable, DMA mode, trigger level. */
  fcr: u8({ mask: 0xc9 }),
  lcr: u8(),
  mcr: u8({ mask: 0x1f }),
  msr: u8({ initial: MSR.modemPresent }),
  scratch: u8(),
  /** 9600 baud. */
  divisor: u16({ initial: 12 }),
  overrun: flag(),
  /** The THR-empty interrupt waits: set when a byte has left, cleared by a write or by reading IIR. */
  thrEmpty: flag(),
  /** The receiver: a ring of which one slot is in use while FIFOs are off. */
  rxHead: u8({ max: FIFO_BYTES - 1 }),
  rxCount: u8({ max: FIFO_BYTES }),
  rx: bytes(FIFO_BYTES),
  /** Bytes ever received from outside and sent out: the console's offsets. */
  rxTotal: int53(0, Number.MAX_SAFE_INTEGER),
  txTotal: int53(0, Number.MAX_SAFE_INTEGER),
};

/** The serial port as the outside sees it. */
export interface ConsolePort {
  /** Bytes ever received: the input's offset. */
  readonly rxTotal: number;
  /** Bytes ever sent: the output's offset. */
  readonly txTotal: number;
  /** How many bytes {@link receive} takes now. */
  rxSpace(): number;
  /** Bytes arrive; at most {@link rxSpace} of them. */
  receive(data: Uint8Array): void;
}

/** The 16550A. */
export class Uart implements PortDevice, ConsolePort {
  /** Eight of them. */
  readonly ports: readonly { first: number; count: number }[];
  readonly registers: Registers;
  readonly #s: RecordOf<typeof UART_FIELDS> = powerOn(UART_FIELDS);
  readonly #line: Line;

  /**
   * An idle port, FIFOs off.
   * @param name unique on the board, such as `uart0`
   * @param basePort the first of its 8 ports
   * @param line its interrupt
   */
  constructor(readonly name: string, basePort: number, line: Line) {
    this.#line = line;
    this.ports = [{ first: basePort, count: 8 }];
    this.registers = new Registers(name, [{ part: "", table: UART_FIELDS, record: this.#s }]);
  }

  /** Bytes ever received. */
  get rxTotal(): number {
    return this.#s.rxTotal;
  }

  /** Bytes ever sent. */
  get txTotal(): number {
    return this.#s.txTotal;
  }

  /** Free slots of the receiver; none in loopback mode, which cuts it off from outside. */
  rxSpace(): number {
    return (this.#s.mcr & MCR.loop) !== 0 ? 0 : Math.max(0, this.#capacity() - this.#s.rxCount);
  }

  /** Bytes arrive from outside; more than {@link rxSpace} is a defect of the caller. */
  receive(data: Uint8Array): void {
    const space = this.rxSpace();
    assert(
      data.length <= space,
      `${this.name} was given ${data.length} bytes, has room for ${space}`,
    );
    for (const byte of data) this.#push(byte);
    this.#s.rxTotal += data.length;
    this.#settle();
  }

  /** Serves a read of one of the eight registers. */
  read(port: number, _width: Width): number {
    const s = this.#s;
    const dlab = (s.lcr & LCR.dlab) !== 0;
    switch (port & 7) {
      case 0:
        return dlab ? s.divisor & 0xff : this.#readReceiver();
      case 1:
        return dlab ? s.divisor >> 8 : s.ier;
      case 2:
        return this.#readIir();
      case 3:
        return s.lcr;
      case 4:
        return s.mcr;
      case 5:
        return this.#readLsr();
      case 6:
        return this.#readMsr();
      default:
        return s.scratch;
    }
  }

  /** Serves a write; of the transmitter's it returns the output. LSR and MSR can't be written. */
  write(port: number, _width: Width, value: number): DeviceEffect | undefined {
    const s = this.#s;
    const dlab = (s.lcr & LCR.dlab) !== 0;
    switch (port & 7) {
      case 0:
        if (!dlab) return this.#transmit(value);
        s.divisor = s.divisor & 0xff00 | value;
        break;
      case 1:
        if (dlab) s.divisor = s.divisor & 0xff | value << 8;
        else this.#writeIer(value & 0x0f);
        break;
      case 2:
        this.#writeFcr(value);
        break;
      case 3:
        s.lcr = value;
        break;
      case 4:
        this.#writeMcr(value & 0x1f);
        break;
      case 7:
        s.scratch = value;
        break;
    }
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
  }

  #readReceiver(): number {
    const s = this.#s;
    if (s.rxCount === 0) return 0;
    const byte = s.rx[s.rxHead]!;
    s.rxHead = (s.rxHead + 1) % FIFO_BYTES;
    s.rxCount--;
    this.#settle();
    return byte;
  }

  #readIir(): number {
    const cause = this.#cause();
    if (cause === IIR.thrEmpty) {
      this.#s.thrEmpty = false;
      this.#settle();
    }
    return cause | (this.#fifoEnabled() ? IIR.fifoEnabled : 0);
  }

  #readLsr(): number {
    const s = this.#s;
    const value = LSR.transmitterEmpty | (s.overrun ? LSR.overrun : 0) |
      (s.rxCount > 0 ? LSR.ready : 0);
    if (s.overrun) {
      s.overrun = false;
      this.#settle();
    }
    return value;
  }

  #readMsr(): number {
    const value = this.#s.msr;
    this.#s.msr &= ~MSR.changes;
    this.#settle();
    return value;
  }

  #writeIer(value: number): void {
    const s = this.#s;
    // The transmitter is always empty, so enabling its interrupt raises it; drivers rely on that.
    if ((value & ~s.ier & IER.thrEmpty) !== 0) s.thrEmpty = true;
    s.ier = value;
    this.#settle();
  }

  #writeFcr(value: number): void {
    const s = this.#s;
    const enable = (value & FCR.enable) !== 0;
    // Switching the FIFOs on or off empties them; their other bits count only while they are on.
    if (enable !== this.#fifoEnabled() || (enable && (value & FCR.clearReceiver) !== 0)) {
      s.rxCount = 0;
    }
    s.fcr = enable ? value & 0xc9 : 0;
    this.#settle();
  }

  #writeMcr(value: number): void {
    const s = this.#s;
    s.mcr = value;
    let inputs: number = MSR.modemPresent;
    if ((value & MCR.loop) !== 0) {
      inputs = ((value & MCR.rts) !== 0 ? MSR.cts : 0) | ((value & MCR.dtr) !== 0 ? MSR.dsr : 0) |
        ((value & MCR.out1) !== 0 ? MSR.ri : 0) | ((value & MCR.out2) !== 0 ? MSR.dcd : 0);
    }
    const rose = inputs & ~s.msr;
    const changed = (inputs ^ s.msr) & ~MSR.changes;
    // Of the ring indicator only the trailing edge counts.
    s.msr = inputs | s.msr & MSR.changes | (changed & ~(rose & MSR.ri)) >> 4;
    this.#settle();
  }

  #transmit(value: number): DeviceEffect | undefined {
    const s = this.#s;
    // The line falls before it rises: an edge-triggered controller must see each byte's interrupt.
    s.thrEmpty = false;
    this.#settle();
    const looped = (s.mcr & MCR.loop) !== 0;
    if (looped) this.#push(value);
    else s.txTotal++;
    s.thrEmpty = true;
    this.#settle();
    return looped ? undefined : { kind: "output", sink: "console", bytes: Uint8Array.of(value) };
  }

  /** A byte reaches the receiver. In a full FIFO it is lost; without FIFOs it replaces the last. */
  #push(byte: number): void {
    const s = this.#s;
    if (s.rxCount < this.#capacity()) {
      s.rx[(s.rxHead + s.rxCount) % FIFO_BYTES] = byte;
      s.rxCount++;
      return;
    }
    s.overrun = true;
    if (!this.#fifoEnabled()) s.rx[s.rxHead] = byte;
  }

  #fifoEnabled(): boolean {
    return (this.#s.fcr & FCR.enable) !== 0;
  }

  #capacity(): number {
    return this.#fifoEnabled() ? FIFO_BYTES : 1;
  }

  /** IIR's low bits: the most urgent interrupt that is enabled and waits. */
  #cause(): number {
    const { ier, fcr, overrun, rxCount, thrEmpty, msr } = this.#s;
    if ((ier & IER.lineStatus) !== 0 && overrun) return IIR.lineStatus;
    if ((ier & IER.received) !== 0 && rxCount > 0) {
      const trigger = this.#fifoEnabled() ? TRIGGER_BYTES[fcr >> 6]! : 1;
      return rxCount >= trigger ? IIR.received : IIR.timeout;
    }
    if ((ier & IER.thrEmpty) !== 0 && thrEmpty) return IIR.thrEmpty;
    if ((ier & IER.modemStatus) !== 0 && (msr & MSR.changes) !== 0) return IIR.modemStatus;
    return IIR.none;
  }

  #settle(): void {
    this.#line(this.#cause() !== IIR.none);
  }
}
