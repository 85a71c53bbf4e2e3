/**
 * The PC's 8254 interval timer at 0x40 to 0x43, and the system control port 0x61 beside it.
 *
 * Counter 0's output is the interrupt line IRQ0; counter 2's gate and output are bits of port 0x61.
 * The memory refresh that counter 1 once drove is gone, but guests time short waits by its toggle in
 * port 0x61, bit 4; it follows the clock here.
 *
 * Time: the machine clock in microseconds; deadlines are the microseconds in which a tick falls,
 * rounded up, and each is worked out from the start of counting, so that rounding never adds up.
 *
 * Called by the board. The counters themselves are in pit_counter.ts.
 */
import { assertAdvance, MAX_CLOCK_US, ticksAt, usOfTick } from "./clock.ts";
import type { DeviceEffect, Line, PortDevice, Width } from "./device.ts";
import { COUNTER_FIELDS, counterFault, PitCounter } from "./pit_counter.ts";
import { type DeviceState, int53, powerOn, type RecordOf, Registers, u8 } from "./state.ts";

/** Ticks a second: the PC's 14.31818 MHz crystal divided by 12. */
export const PIT_HZ = 1_193_182;

/** The refresh toggle changes every 18 ticks (15 us), as if counter 1 ran as a firmware sets it. */
const REFRESH_TICKS = 18;

const CONTROL_PORT = 0x43;
const SYSTEM_PORT = 0x61;

const PIT_FIELDS = {
  clockUs: int53(0, MAX_CLOCK_US),
  /** Port 0x61's writable bits: gate of counter 2, speaker, two check enables. */
  system: u8({ mask: 0x0f }),
};

/** The 8254 and port 0x61. */
export class Pit implements PortDevice {
  readonly name = "pit";
  /** Three counters, the control word, and port 0x61. */
  readonly ports = [{ first: 0x40, count: 4 }, { first: SYSTEM_PORT, count: 1 }];
  readonly registers: Registers;
  readonly #s: RecordOf<typeof PIT_FIELDS> = powerOn(PIT_FIELDS);
  readonly #counters = [new PitCounter(), new PitCounter(), new PitCounter()] as const;
  readonly #line: Line;
  /** These follow from the state. */
  #tick = 0;
  #riseTick = Infinity;
  #deadlineUs = Infinity;

  /**
   * Three idle counters at clock zero.
   * @param line IRQ0; high from the start, as an idle counter's output is
   */
  constructor(line: Line) {
    this.#line = line;
    this.#counters[2].s.gate = false;
    const parts = this.#counters.map((counter, index) => ({
      part: `${index}`,
      table: COUNTER_FIELDS,
      record: counter.s,
    }));
    this.registers = new Registers(
      this.name,
      [{ part: "", table: PIT_FIELDS, record: this.#s }, ...parts],
      (state) => {
        const tick = ticksAt(Number(state["clockUs"]), PIT_HZ);
        return parts.map(({ part }) => counterFault(state, `${part}.`, tick)).find(Boolean);
      },
    );
    line(true);
  }

  /** Serves a read of a count, or of port 0x61. The control port can't be read. */
  read(port: number, _width: Width): number {
    if (port === SYSTEM_PORT) return this.#readSystem();
    if (port === CONTROL_PORT) return 0xff;
    return this.#counters[port & 3]!.read(this.#tick);
  }

  /** Serves a write of a count, a control word, or port 0x61. */
  write(port: number, _width: Width, value: number): DeviceEffect | undefined {
    if (port === SYSTEM_PORT) {
      this.#s.system = value & 0x0f;
      this.#counters[2].setGate((value & 1) !== 0, this.#tick);
      return undefined;
    }
    if (port === CONTROL_PORT) this.#writeControl(value);
    else this.#counters[port & 3]!.writeCount(value, this.#tick);
    this.#settle();
    return undefined;
  }

  /** Moves to `clockUs`, with an edge on IRQ0 if counter 0's output rose on the way. */
  advance(clockUs: number): void {
    assertAdvance(this.#s.clockUs, clockUs, this.#deadlineUs);
    this.#s.clockUs = clockUs;
    this.#tick = ticksAt(clockUs, PIT_HZ);
    for (const counter of this.#counters) counter.settle(this.#tick);
    if (this.#tick >= this.#riseTick) {
      this.#line(false);
      this.#line(true);
    }
    this.#settle();
  }

  /** When counter 0's output rises next, in microseconds. */
  deadlineUs(): number {
    return this.#deadlineUs;
  }

  /** All of it counts. */
  dependsOnClock(_port: number, _isWrite: boolean): boolean {
    return true;
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
    this.#tick = ticksAt(this.#s.clockUs, PIT_HZ);
    this.#plan();
  }

  #writeControl(value: number): void {
    const select = value >> 6;
    if (select === 3) {
      for (const [index, counter] of this.#counters.entries()) {
        if ((value & (2 << index)) === 0) continue;
        if ((value & 0x20) === 0) counter.latchCount(this.#tick);
        if ((value & 0x10) === 0) counter.latchStatus(this.#tick);
      }
    } else {
      const counter = this.#counters[select]!;
      if ((value & 0x30) === 0) counter.latchCount(this.#tick);
      else counter.writeControl(value);
    }
  }

  #readSystem(): number {
    const refresh = this.#tick % (2 * REFRESH_TICKS) < REFRESH_TICKS ? 0 : 0x10;
    return this.#s.system | refresh | (this.#counters[2].output(this.#tick) ? 0x20 : 0);
  }

  /** Lets counter 0's output drive the line, and looks for its next rise. */
  #settle(): void {
    this.#line(this.#counters[0].output(this.#tick));
    this.#plan();
  }

  #plan(): void {
    this.#riseTick = this.#counters[0].nextRise(this.#tick);
    const us = this.#riseTick === Infinity ? Infinity : usOfTick(this.#riseTick, PIT_HZ);
    this.#deadlineUs = us > MAX_CLOCK_US ? Infinity : us;
  }
}
