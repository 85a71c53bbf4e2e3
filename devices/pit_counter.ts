/**
 * One counter of the 8254: its six modes, as functions of the tick.
 *
 * A counter that runs is not stepped. It is known by the tick at which its count was loaded
 * (`origin`) and by the count; output, readings and the next edge follow by arithmetic, after a year
 * as after a microsecond. What can't be a function of the present tick is a load that is still to
 * come: the chip takes a new count over at the next CLK, or at the end of a period (modes 2 and 3).
 * Such a load is kept with its tick, and settled when the tick has passed.
 *
 * After Intel's 82C54 data sheet, "Mode Definitions". Where it leaves things undefined: a counter not
 * yet loaded reads 0; a count of 1 in modes 2 and 3, which is illegal, never expires.
 *
 * Called by pit.ts. All ticks are absolute, 1193182 a second.
 */
import { MAX_TICK } from "./clock.ts";
import { type DeviceState, flag, int53, powerOn, type RecordOf, u16, u32, u8 } from "./state.ts";

/** The largest count: 0 in binary. */
const MAX_COUNT = 0x10000;

/** The state of one counter. */
export const COUNTER_FIELDS = {
  mode: u8({ max: 5, initial: 3 }),
  bcd: flag(),
  /** 1: low byte only, 2: high byte only, 3: low, then high. */
  access: u8({ min: 1, max: 3, initial: 3 }),
  gate: flag(true),
  /** The count register, as written. */
  reload: u16(),
  /** The first byte of a two-byte write, and whether it has come. */
  lowByte: u8(),
  writesHigh: flag(),
  /** The next read gives the high byte of a two-byte count. */
  readsHigh: flag(),
  /** `reload` is not in the counting element yet. */
  nullCount: flag(true),
  loadPending: flag(),
  loadTick: int53(0, MAX_TICK + MAX_COUNT),
  /** The counting element holds a count: `count`, since `origin` or, held by the gate, `elapsed`. */
  loaded: flag(),
  count: u32({ min: 1, max: MAX_COUNT }),
  running: flag(),
  origin: int53(-MAX_COUNT, MAX_TICK + MAX_COUNT),
  elapsed: int53(0, MAX_TICK + MAX_COUNT),
  countLatched: flag(),
  latch: u16(),
  statusLatched: flag(),
  status: u8(),
};

/**
 * What the fields' ranges can't say of a settled counter: counts are loaded in the past, and pending
 * loads are in the future.
 * @param prefix the counter's part of `state`, such as `0.`
 * @returns what is wrong, or undefined
 */
export function counterFault(state: DeviceState, prefix: string, tick: number): string | undefined {
  const value = (name: keyof typeof COUNTER_FIELDS) => Number(state[prefix + name]);
  const late = value("loadPending") === 1 && value("loadTick") <= tick;
  if (late) return `${prefix}loadTick is ${value("loadTick")}, expected more than ${tick}`;
  const early = value("running") === 1 && value("origin") > tick;
  if (early) return `${prefix}origin is ${value("origin")}, expected at most ${tick}`;
  return undefined;
}

/** One counter. */
export class PitCounter {
  /** Its registers. */
  readonly s: RecordOf<typeof COUNTER_FIELDS> = powerOn(COUNTER_FIELDS);

  /**
   * Takes over a count whose time has come. The owner calls it whenever the tick has moved; all
   * below expects a counter that is settled at the tick it is given.
   */
  settle(tick: number): void {
    if (this.s.loadPending && tick >= this.s.loadTick) this.#load(this.s.loadTick);
  }

  /** A control word for this counter (not a latch command): sets the mode and stops it. */
  writeControl(value: number): void {
    const s = this.s;
    const mode = (value >> 1) & 7;
    s.mode = mode > 5 ? mode - 4 : mode;
    s.bcd = (value & 1) !== 0;
    s.access = (value >> 4) & 3;
    s.reload = 0;
    s.nullCount = true;
    s.loaded = s.running = s.loadPending = false;
    s.writesHigh =
      s.readsHigh =
      s.countLatched =
      s.statusLatched =
        false;
  }

  /** Writes a byte of the count. */
  writeCount(value: number, tick: number): void {
    const s = this.s;
    if (s.access === 3 && !s.writesHigh) {
      s.lowByte = value;
      s.writesHigh = true;
      // In mode 0 the first byte stops the count and lowers OUT.
      if (s.mode === 0) s.loaded = s.loadPending = false;
      return;
    }
    s.reload = s.access === 1 ? value : s.access === 2 ? value << 8 : value << 8 | s.lowByte;
    s.writesHigh = false;
    s.nullCount = true;
    this.#scheduleLoad(tick);
  }

  /** Reads a byte: of the latched status, of the latched count, or of the count as it runs. */
  read(tick: number): number {
    const s = this.s;
    if (s.statusLatched) {
      s.statusLatched = false;
      return s.status;
    }
    const value = s.countLatched ? s.latch : this.#reading(tick);
    if (s.access === 3) {
      s.readsHigh = !s.readsHigh;
      if (s.readsHigh) return value & 0xff;
    }
    s.countLatched = false;
    return s.access === 1 ? value & 0xff : value >> 8;
  }

  /** The latch command: holds the count until it has been read. Ignored while one is held. */
  latchCount(tick: number): void {
    if (this.s.countLatched) return;
    this.s.countLatched = true;
    this.s.latch = this.#reading(tick);
  }

  /** The read-back command's other half: holds the status until it has been read. */
  latchStatus(tick: number): void {
    const s = this.s;
    if (s.statusLatched) return;
    s.statusLatched = true;
    s.status = Number(this.output(tick)) << 7 | Number(s.nullCount) << 6 | s.access << 4 |
      s.mode << 1 | Number(s.bcd);
  }

  /** Sets the GATE input. Its rise is the trigger of modes 1, 2, 3 and 5. */
  setGate(level: boolean, tick: number): void {
    const s = this.s;
    if (level === s.gate) return;
    s.gate = level;
    const triggered = s.mode === 1 || s.mode === 5;
    const periodic = s.mode === 2 || s.mode === 3;
    if (triggered || (periodic && s.loaded)) {
      // Without a gate the end of the period, and with it a load planned for it, never comes.
      if (level) this.#loadAt(tick + 1);
      else if (periodic) s.loadPending = false;
    }
    if (triggered || !s.loaded) return;
    if (!level && s.running) {
      s.elapsed = tick - s.origin;
      s.running = false;
    } else if (level && !periodic) {
      s.origin = tick - s.elapsed;
      s.running = true;
    }
  }

  /** The OUT pin at `tick`. */
  output(tick: number): boolean {
    const s = this.s;
    if (!s.loaded) return s.mode !== 0;
    const since = this.#since(tick);
    switch (s.mode) {
      case 0:
      case 1:
        return since >= s.count;
      case 2:
        return !s.running || s.count === 1 || since % s.count !== s.count - 1;
      case 3:
        return !s.running || s.count === 1 || since % s.count < highTicks(s.count);
      default:
        return since !== s.count;
    }
  }

  /** The first tick after `tick` at which OUT rises by itself; Infinity if it never does. */
  nextRise(tick: number): number {
    const s = this.s;
    const rise = s.loaded && s.running ? riseAfter(s.mode, s.count, s.origin, tick) : Infinity;
    if (!s.loadPending || rise <= s.loadTick) return rise;
    // A strobe (mode 4) that the gate holds low ends with the load, which no gate holds.
    if (s.mode === 4 && !this.output(tick)) return s.loadTick;
    if (!this.#runsWhenLoaded()) return Infinity;
    const count = this.#reloadCount();
    return riseAfter(s.mode, count, this.#originOfLoad(s.loadTick, count), s.loadTick);
  }

  /** When a newly written count is taken over: at once, at the end of the period, or by a trigger. */
  #scheduleLoad(tick: number): void {
    const s = this.s;
    switch (s.mode) {
      case 0:
        s.loaded = false;
        this.#loadAt(tick + 1);
        break;
      case 4:
        this.#loadAt(tick + 1);
        break;
      case 2:
      case 3:
        if (!s.loaded || s.count === 1) this.#loadAt(tick + 1);
        else if (s.running) this.#loadAt(this.#endOfPeriod(tick));
        break;
    }
  }

  #loadAt(tick: number): void {
    this.s.loadPending = true;
    this.s.loadTick = tick;
  }

  #load(tick: number): void {
    const s = this.s;
    const count = this.#reloadCount();
    s.origin = this.#originOfLoad(tick, count);
    s.count = count;
    s.running = this.#runsWhenLoaded();
    s.elapsed = 0;
    s.loaded = true;
    s.nullCount = s.loadPending = false;
  }

  /** Modes 1 and 5 know the gate as a trigger only. */
  #runsWhenLoaded(): boolean {
    return this.s.gate || this.s.mode === 1 || this.s.mode === 5;
  }

  #reloadCount(): number {
    const { reload, bcd } = this.s;
    if (!bcd) return reload === 0 ? MAX_COUNT : reload;
    const value = (reload >> 12) * 1000 + (reload >> 8 & 15) * 100 + (reload >> 4 & 15) * 10 +
      (reload & 15);
    return value === 0 ? 10_000 : value;
  }

  /** A count that mode 3 takes over between the halves begins with its low half. */
  #originOfLoad(tick: number, count: number): number {
    const s = this.s;
    const inMiddle = s.mode === 3 && s.loaded && s.running &&
      (tick - s.origin) % s.count === highTicks(s.count);
    return inMiddle ? tick - highTicks(count) : tick;
  }

  /** The next end of a period (mode 2) or of a half of one (mode 3) after `tick`. */
  #endOfPeriod(tick: number): number {
    const s = this.s;
    const phase = (tick - s.origin) % s.count;
    const half = highTicks(s.count);
    return tick - phase + (s.mode === 3 && phase < half ? half : s.count);
  }

  /** Ticks since the count was loaded, without those that the gate held back. */
  #since(tick: number): number {
    return this.s.running ? tick - this.s.origin : this.s.elapsed;
  }

  /** The counting element as the guest reads it: 16 bits, binary or BCD. */
  #reading(tick: number): number {
    const s = this.s;
    if (!s.loaded) return 0;
    const since = this.#since(tick);
    const modulus = s.bcd ? 10_000 : MAX_COUNT;
    let value = (s.count - since) % modulus;
    if (s.mode === 2) value = (s.count - since % s.count) % modulus;
    else if (s.mode === 3) value = squareReading(s.count, since % s.count) % modulus;
    if (value < 0) value += modulus;
    return s.bcd ? toBcd(value) : value;
  }
}

/** Mode 3: how long OUT is high in a period; an odd count gives the high half the extra tick. */
function highTicks(count: number): number {
  return Math.ceil(count / 2);
}

/** Mode 3 counts down by two, twice a period; from one less if the count is odd. */
function squareReading(count: number, phase: number): number {
  const half = highTicks(count);
  return count - count % 2 - 2 * (phase < half ? phase : phase - half);
}

/** The first tick after `tick` at which a count loaded at `origin` makes OUT rise. */
function riseAfter(mode: number, count: number, origin: number, tick: number): number {
  if (mode === 2 || mode === 3) {
    return count === 1 ? Infinity : tick - (tick - origin) % count + count;
  }
  // Modes 4 and 5 end with a strobe of one tick, and it is the strobe's end that rises.
  const rise = origin + count + (mode >= 4 ? 1 : 0);
  return rise > tick ? rise : Infinity;
}

function toBcd(value: number): number {
  return Math.floor(value / 1000) << 12 | Math.floor(value / 100) % 10 << 8 |
    Math.floor(value / 10) % 10 << 4 | value % 10;
}
