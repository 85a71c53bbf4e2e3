/** The counter's arithmetic against a model that is stepped one CLK at a time, as the chip is. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PitCounter } from "./pit_counter.ts";

const seed = Number(Deno.env.get("SEED") ?? Date.now() % 2 ** 31);
console.log(`pit_counter_test: SEED=${seed}`);

/** An 8254 counter as the data sheet's mode definitions tell it, CLK by CLK. */
class SteppedCounter {
  mode = 3;
  out = true;
  gate = true;
  nullCount = true;
  #modulus = 0x10000;
  #written = 0x10000;
  #count = 0;
  #element = 0;
  #loaded = false;
  #loadNext = false;
  #armed = false;
  #halfLeft = 0;

  control(mode: number, bcd: boolean): void {
    this.mode = mode;
    this.#modulus = bcd ? 10_000 : 0x10000;
    this.out = mode !== 0;
    this.nullCount = true;
    this.#written = this.#modulus;
    this.#loaded = this.#loadNext = false;
  }

  /** The first of two bytes. */
  firstByte(): void {
    if (this.mode !== 0) return;
    this.#loaded = this.#loadNext = false;
    this.out = false;
  }

  write(count: number): void {
    this.#written = count === 0 ? this.#modulus : count;
    this.nullCount = true;
    if (this.mode === 0) {
      this.#loaded = false;
      this.out = false;
    }
    if (this.mode === 0 || this.mode === 4) this.#loadNext = true;
    if ((this.mode === 2 || this.mode === 3) && !this.#loaded) this.#loadNext = true;
  }

  setGate(level: boolean): void {
    const rises = level && !this.gate;
    const falls = !level && this.gate;
    this.gate = level;
    const periodic = this.mode === 2 || this.mode === 3;
    if (rises && (this.mode === 1 || this.mode === 5)) this.#loadNext = true;
    if (rises && periodic && this.#loaded) this.#loadNext = true;
    if (falls && periodic && this.#loaded) {
      this.out = true;
      this.#loadNext = false;
    }
  }

  clk(): void {
    if (this.#loadNext) {
      this.#loadNext = false;
      this.#armed = true;
      this.#load(true);
      this.out = this.mode !== 0 && this.mode !== 1;
    } else if (this.#loaded && (this.gate || this.mode === 1 || this.mode === 5)) this.#step();
  }

  reading(): number {
    return this.#loaded ? this.#element % this.#modulus : 0;
  }

  #step(): void {
    if (this.mode === 3) {
      this.#element -= 2;
      if (--this.#halfLeft > 0) return;
      this.out = !this.out;
      this.#load(this.out);
    } else if (this.mode === 2) {
      if (this.#element === 1) {
        this.#load(true);
        this.out = true;
      } else if (--this.#element === 1) this.out = false;
    } else {
      this.#element = (this.#element + this.#modulus - 1) % this.#modulus;
      const expired = this.#element === 0 && this.#armed;
      if (expired) this.#armed = false;
      if (this.mode < 2) this.out ||= expired;
      else this.out = !expired;
    }
  }

  #load(high: boolean): void {
    this.#count = this.#written;
    this.nullCount = false;
    this.#loaded = true;
    this.#element = this.#count;
    if (this.mode !== 3) return;
    this.#element -= this.#count % 2;
    this.#halfLeft = high ? Math.ceil(this.#count / 2) : Math.floor(this.#count / 2);
  }
}

type Op =
  | { op: "control"; mode: number; access: 1 | 3; bcd: boolean }
  | { op: "count"; count: number }
  | { op: "firstByte" }
  | { op: "gate"; level: boolean }
  | { op: "run"; ticks: number };

const count = fc.oneof(
  fc.integer({ min: 2, max: 9 }),
  fc.constant(0),
  fc.integer({ min: 2, max: 99 }),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("control" as const),
      mode: fc.integer({ min: 0, max: 5 }),
      access: fc.constantFrom(1 as const, 3 as const),
      bcd: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("count" as const), count }) },
  { weight: 1, arbitrary: fc.constant({ op: "firstByte" as const }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("gate" as const), level: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("run" as const),
      ticks: fc.integer({ min: 1, max: 30 }),
    }),
  },
);

const digits = (value: number) => Math.floor(value / 10) << 4 | value % 10;

/** Drives both counters and compares them at every tick. */
function compare(start: number, ops: readonly Op[]): void {
  const counter = new PitCounter();
  const model = new SteppedCounter();
  let tick = start;
  let access = 1;
  let bcd = false;
  const check = (what: string) => {
    counter.settle(tick);
    assert.equal(counter.output(tick), model.out, `OUT after ${what}`);
    assert.equal(counter.s.nullCount, model.nullCount, `null count after ${what}`);
    counter.latchCount(tick);
    counter.s.countLatched = false;
    assert.equal(counter.s.latch, toRegister(model.reading(), bcd), `count after ${what}`);
  };
  const control = (mode: number) => {
    counter.writeControl(access << 4 | mode << 1 | Number(bcd));
    model.control(mode, bcd);
  };
  control(3);
  for (const step of ops) {
    switch (step.op) {
      case "control":
        ({ access, bcd } = step);
        control(step.mode);
        break;
      case "count":
        if (access === 3 && !counter.s.writesHigh) {
          counter.writeCount(bcd ? digits(step.count) : step.count, tick);
          model.firstByte();
          counter.writeCount(0, tick);
          model.write(step.count);
        } else if (access === 1) {
          counter.writeCount(bcd ? digits(step.count) : step.count, tick);
          model.write(step.count);
        } else {
          // Completes the write that `firstByte` began, with a low byte of 5.
          counter.writeCount(0, tick);
          model.write(5);
        }
        break;
      case "firstByte":
        if (access !== 3 || counter.s.writesHigh) break;
        counter.writeCount(5, tick);
        model.firstByte();
        break;
      case "gate":
        counter.setGate(step.level, tick);
        model.setGate(step.level);
        break;
      case "run":
        for (let i = 0; i < step.ticks; i++) {
          const rise = counter.nextRise(tick);
          assert.ok(rise > tick, `the next rise ${rise} is after ${tick}`);
          const before = model.out;
          model.clk();
          tick++;
          assert.equal(rise === tick, !before && model.out, `a rise at ${tick}, said ${rise}`);
          check(`tick ${tick} of mode ${model.mode}`);
        }
        break;
    }
    check(JSON.stringify(step));
  }
}

function toRegister(value: number, bcd: boolean): number {
  return bcd ? parseInt(String(value), 16) : value;
}

Deno.test("a strobe that the gate holds low rises when the next count is loaded", () => {
  compare(0, [
    { op: "control", mode: 4, access: 1, bcd: false },
    { op: "count", count: 4 },
    { op: "run", ticks: 5 },
    { op: "count", count: 2 },
    { op: "gate", level: false },
    { op: "run", ticks: 1 },
  ]);
});

for (
  const [when, start] of [["at power-on", 0], ["after a century", 3_700_000_000_000_000]] as const
) {
  Deno.test(`a counter ${when} does what a counter stepped CLK by CLK does, in all modes`, () => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 40 }), (ops) => compare(start, ops)),
      { seed, numRuns: 2000 },
    );
  });
}
