/**
 * The MC146818 real-time clock and its CMOS memory at 0x70 and 0x71, IRQ8.
 *
 * The time of day is the boot epoch (part of the state) plus the machine clock, so it is as
 * deterministic as that. While it runs it lives in no register: reads work it out. While the guest
 * holds it (SET, or the divider in reset) the registers are plain memory, and when it lets go their
 * content becomes the time. The flags of register C are set whether their interrupts are enabled or
 * not, as the data sheet has it; only enabled ones are deadlines.
 *
 * After Motorola's MC146818A data sheet: UIP is set from 244 us before the update cycle of 1984 us to
 * its end, which is when the second changes; the first update comes half a second after the divider
 * leaves reset. Square wave and daylight saving are not there; their bits are kept.
 *
 * Called by the board.
 */
import { assertAdvance, MAX_CLOCK_US, ticksAt, US_PER_SECOND, usOfTick } from "./clock.ts";
import type { DeviceEffect, Line, PortDevice, Width } from "./device.ts";
import { isTimeRegister, nextAlarm, parseTime, showTime, TimeRegister } from "./rtc_time.ts";
import {
  bytes,
  type DeviceState,
  int53,
  powerOn,
  type RecordOf,
  Registers,
  u32,
  u8,
} from "./state.ts";

const INDEX_PORT = 0x70;
const A = 0x0a;
const B = 0x0b;
const C = 0x0c;
const D = 0x0d;

/** Register A: update in progress. */
const UIP = 0x80;
/** Register B: updates held, and the enables of the three interrupts. */
const SET = 0x80;
/** Periodic, alarm, update-ended: enables in register B, flags in register C. */
const PERIODIC = 0x40;
const ALARM = 0x20;
const UPDATE = 0x10;
const INTERRUPTS = PERIODIC | ALARM | UPDATE;

/** The crystal. */
const CRYSTAL_HZ = 32_768;
/** UIP's length: 244 us warning, 1984 us update. */
const UPDATE_US = 2228;

/** Seconds since 1970 that the time can be at clock zero: the years 0 to 9999, and what a clock of
 * {@link MAX_CLOCK_US} takes from them. */
const MIN_BASE_SECONDS = -70_000_000_000;
const MAX_BASE_SECONDS = 260_000_000_000;

const RTC_FIELDS = {
  clockUs: int53(0, MAX_CLOCK_US),
  index: u8({ max: 0x7f }),
  /** Register A without UIP: divider (2: the crystal's own), and rate of the periodic interrupt. */
  a: u8({ mask: 0x7f, initial: 0x26 }),
  b: u8({ initial: 0x02 }),
  /** Register C without its sum bit. */
  flags: u8({ mask: INTERRUPTS }),
  /** The time in seconds since 1970 at clock zero, and how far into the second that was. */
  baseSeconds: int53(MIN_BASE_SECONDS, MAX_BASE_SECONDS),
  phaseUs: u32({ max: US_PER_SECOND - 1 }),
  /** The memory; the time registers in it mean something only while the time is held. */
  cmos: bytes(128),
};

/** The clock and its memory. */
export class Rtc implements PortDevice {
  readonly name = "rtc";
  /** The index, and the register it chooses. */
  readonly ports = [{ first: INDEX_PORT, count: 2 }];
  readonly registers: Registers;
  readonly #s: RecordOf<typeof RTC_FIELDS> = powerOn(RTC_FIELDS);
  readonly #line: Line;
  /** These follow from the state. */
  #alarmSecond = Infinity;
  #deadlineUs = Infinity;

  /**
   * A clock that runs, in BCD and 24 hours, its interrupts off.
   * @param epochSeconds the time of day at clock zero, seconds since 1970
   * @param line IRQ8
   * @throws PeerError if the epoch is out of range: it may come with a log
   */
  constructor(epochSeconds: number, line: Line) {
    this.#line = line;
    this.#s.baseSeconds = epochSeconds;
    this.registers = new Registers(this.name, [
      { part: "", table: RTC_FIELDS, record: this.#s },
    ]);
    this.registers.check(this.registers.values());
    this.#findAlarm();
    this.#plan();
  }

  /** Serves a read: the chosen register. The index itself can't be read. */
  read(port: number, _width: Width): number {
    return port === INDEX_PORT ? 0xff : this.#readRegister(this.#s.index);
  }

  /** Serves a write of the index (its bit 7 masks NMI, which nobody raises) or of a register. */
  write(port: number, _width: Width, value: number): DeviceEffect | undefined {
    if (port === INDEX_PORT) this.#s.index = value & 0x7f;
    else this.#writeRegister(this.#s.index, value);
    return undefined;
  }

  /** Moves to `clockUs`, setting the flags of what has happened on the way. */
  advance(clockUs: number): void {
    assertAdvance(this.#s.clockUs, clockUs, this.#deadlineUs);
    const s = this.#s;
    const fromUs = this.#chainUs();
    const secondBefore = this.#second();
    s.clockUs = clockUs;
    const period = this.#periodTicks();
    const periodsAt = (us: number) => Math.floor(ticksAt(us, CRYSTAL_HZ) / period);
    if (periodsAt(this.#chainUs()) > periodsAt(fromUs)) s.flags |= PERIODIC;
    const second = this.#second();
    if (this.#isRunning() && second > secondBefore) {
      s.flags |= UPDATE;
      if (second >= this.#alarmSecond) {
        s.flags |= ALARM;
        this.#findAlarm();
      }
    }
    this.#settle();
  }

  /** When the line rises next, in microseconds. */
  deadlineUs(): number {
    return this.#deadlineUs;
  }

  /** The time, the flags, and what starts or stops them. */
  dependsOnClock(port: number, _isWrite: boolean): boolean {
    const { index } = this.#s;
    return port !== INDEX_PORT && (index <= D || index === TimeRegister.century);
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
    this.#findAlarm();
    this.#plan();
  }

  #readRegister(index: number): number {
    const s = this.#s;
    if (index === A) return s.a | (this.#isUpdating() ? UIP : 0);
    if (index === B) return s.b;
    if (index === C) {
      const value = s.flags | ((s.flags & s.b) !== 0 ? 0x80 : 0);
      s.flags = 0;
      this.#settle();
      return value;
    }
    if (index === D) return 0x80; // The battery is well.
    if (isTimeRegister(index) && this.#isRunning()) showTime(s.cmos, this.#second(), s.b);
    return s.cmos[index]!;
  }

  #writeRegister(index: number, value: number): void {
    const s = this.#s;
    if (index === A) this.#control(value & ~UIP, s.b);
    else if (index === B) this.#control(s.a, (value & SET) !== 0 ? value & ~UPDATE : value);
    else if (isTimeRegister(index) && this.#isRunning()) {
      showTime(s.cmos, this.#second(), s.b);
      s.cmos[index] = value;
      this.#takeTime();
    } else if (index !== C && index !== D) s.cmos[index] = value;
    this.#findAlarm();
    this.#settle();
  }

  /** Changes registers A and B: the time may be held by it, or let go. */
  #control(a: number, b: number): void {
    const s = this.#s;
    const wasRunning = this.#isRunning();
    const wasDividing = this.#isDividing();
    const second = this.#second();
    s.a = a;
    s.b = b;
    if (wasRunning && !this.#isRunning()) showTime(s.cmos, second, b);
    if (!wasDividing && this.#isDividing()) {
      const halfSecond = US_PER_SECOND / 2;
      s.phaseUs = (US_PER_SECOND + halfSecond - s.clockUs % US_PER_SECOND) % US_PER_SECOND;
    }
    if (!wasRunning && this.#isRunning()) this.#takeTime();
  }

  /** Makes the registers' content the time. */
  #takeTime(): void {
    const s = this.#s;
    s.baseSeconds += parseTime(s.cmos, s.b) - this.#second();
  }

  /** The divider chain counts (registers A's DV selects a crystal). */
  #isDividing(): boolean {
    return this.#s.a >> 4 <= 2;
  }

  /** The time goes on. */
  #isRunning(): boolean {
    return this.#isDividing() && (this.#s.b & SET) === 0;
  }

  #isUpdating(): boolean {
    return this.#isRunning() && this.#chainUs() % US_PER_SECOND >= US_PER_SECOND - UPDATE_US;
  }

  /** Microseconds that the divider chain has counted; whole seconds of it are updates. */
  #chainUs(): number {
    return this.#s.clockUs + this.#s.phaseUs;
  }

  /** The time, in seconds since 1970. */
  #second(): number {
    const us = this.#chainUs();
    return this.#s.baseSeconds + (us - us % US_PER_SECOND) / US_PER_SECOND;
  }

  /** Crystal ticks between periodic interrupts; Infinity if they are off. */
  #periodTicks(): number {
    const rate = this.#s.a & 15;
    if (rate === 0 || !this.#isDividing()) return Infinity;
    return rate <= 2 ? 64 << rate : 1 << (rate - 1);
  }

  #settle(): void {
    this.#line((this.#s.flags & this.#s.b & INTERRUPTS) !== 0);
    this.#plan();
  }

  #findAlarm(): void {
    const s = this.#s;
    this.#alarmSecond = this.#isRunning() ? nextAlarm(s.cmos, this.#second(), s.b) : Infinity;
  }

  /** Finds the next deadline: none while the line is high already. */
  #plan(): void {
    const s = this.#s;
    const running = this.#isRunning();
    let us = Infinity;
    if ((s.flags & s.b & INTERRUPTS) === 0) {
      if ((s.b & PERIODIC) !== 0) us = this.#nextPeriodicUs();
      if ((s.b & UPDATE) !== 0 && running) us = Math.min(us, this.#usOfSecond(this.#second() + 1));
      if ((s.b & ALARM) !== 0) us = Math.min(us, this.#usOfSecond(this.#alarmSecond));
    }
    this.#deadlineUs = us > MAX_CLOCK_US ? Infinity : us;
  }

  #nextPeriodicUs(): number {
    const period = this.#periodTicks();
    if (period === Infinity) return Infinity;
    const ticks = ticksAt(this.#chainUs(), CRYSTAL_HZ);
    return usOfTick(ticks - ticks % period + period, CRYSTAL_HZ) - this.#s.phaseUs;
  }

  #usOfSecond(second: number): number {
    return (second - this.#s.baseSeconds) * US_PER_SECOND - this.#s.phaseUs;
  }
}
