import assert from "node:assert/strict";
import { DefectError } from "../base/assert.ts";
import { Pit, PIT_HZ } from "./pit.ts";

const YEAR_US = 31_536_000_000_000;

/** A timer whose line's rises are counted. */
function make() {
  const seen = { level: false, rises: 0 };
  const pit = new Pit((level) => {
    if (level && !seen.level) seen.rises++;
    seen.level = level;
  });
  seen.rises = 0;
  return { pit, seen };
}

const out = (pit: Pit, port: number, ...values: number[]) =>
  values.forEach((value) => pit.write(port, 1, value));

function program(pit: Pit, counter: number, mode: number, count: number): void {
  out(pit, 0x43, counter << 6 | 0x30 | mode << 1);
  out(pit, 0x40 + counter, count & 0xff, count >> 8);
}

const read16 = (pit: Pit, port: number) => pit.read(port, 1) | pit.read(port, 1) << 8;

/** When tick `tick` has happened: by big integers, rounded up. */
const usOf = (tick: bigint) => Number((tick * 1_000_000n + BigInt(PIT_HZ) - 1n) / BigInt(PIT_HZ));

for (const mode of [2, 3]) {
  Deno.test(`mode ${mode} raises IRQ0 once a period, each to the microsecond`, () => {
    const { pit, seen } = make();
    program(pit, 0, mode, 1193);
    for (let period = 1; period <= 20_000; period++) {
      // The count is loaded one CLK after it was written.
      assert.equal(pit.deadlineUs(), usOf(1n + BigInt(period) * 1193n));
      pit.advance(pit.deadlineUs());
      assert.equal(seen.rises, period);
      assert.equal(seen.level, true);
    }
  });

  Deno.test(`mode ${mode} fires every period without drift over a year`, () => {
    for (const count of [2, 3, 1193, 11_932, 65_535]) {
      const { pit, seen } = make();
      program(pit, 0, mode, count);
      pit.advance(1); // the count is loaded
      pit.restore({ ...pit.state(), clockUs: YEAR_US });
      const now = BigInt(YEAR_US) * BigInt(PIT_HZ) / 1_000_000n;
      let period = (now - 1n) / BigInt(count);
      for (let i = 0; i < 1000; i++) {
        period++;
        assert.equal(pit.deadlineUs(), usOf(1n + period * BigInt(count)));
        pit.advance(pit.deadlineUs());
      }
      assert.equal(seen.rises, 1000);
    }
  });
}

Deno.test("mode 3 holds the line high for the first half of the period, low for the second", () => {
  const { pit, seen } = make();
  program(pit, 0, 3, 11_932); // 10 ms
  pit.advance(4_990);
  assert.equal(seen.level, true);
  pit.advance(5_010);
  assert.equal(seen.level, false);
  pit.advance(pit.deadlineUs());
  assert.equal(seen.level, true);
});

Deno.test("mode 0 lowers the line at once, raises it once N+1 CLKs after the count, and rests", () => {
  const { pit, seen } = make();
  out(pit, 0x43, 0x30);
  assert.equal(seen.level, false);
  assert.equal(pit.deadlineUs(), Infinity);
  out(pit, 0x40, 0xa9, 0x04);
  assert.equal(pit.deadlineUs(), usOf(1194n));
  pit.advance(pit.deadlineUs() - 1);
  assert.equal(seen.level, false);
  pit.advance(pit.deadlineUs());
  assert.deepEqual(seen, { level: true, rises: 1 });
  assert.equal(pit.deadlineUs(), Infinity);
});

Deno.test("mode 4 strobes once: the rise at the end of the strobe is the interrupt", () => {
  const { pit, seen } = make();
  program(pit, 0, 4, 1193);
  assert.equal(seen.level, true);
  assert.equal(pit.deadlineUs(), usOf(1n + 1193n + 1n));
  pit.advance(pit.deadlineUs());
  assert.equal(seen.rises, 1);
  assert.equal(pit.deadlineUs(), Infinity);
});

Deno.test("modes 1 and 5 never fire on counter 0, whose gate can't be triggered", () => {
  for (const mode of [1, 5]) {
    const { pit } = make();
    program(pit, 0, mode, 100);
    assert.equal(pit.deadlineUs(), Infinity);
  }
});

Deno.test("a new count in mode 2 takes over at the end of the present period", () => {
  const { pit } = make();
  program(pit, 0, 2, 1000);
  pit.advance(100);
  out(pit, 0x40, 0xd0, 0x07); // 2000
  assert.equal(pit.deadlineUs(), usOf(1001n));
  pit.advance(pit.deadlineUs());
  assert.equal(pit.deadlineUs(), usOf(3001n));
});

Deno.test("the latch command holds a count while the counter runs on", () => {
  const { pit } = make();
  program(pit, 0, 2, 10_000);
  pit.advance(1_000); // tick 1193, 1192 after the load
  out(pit, 0x43, 0x00);
  pit.advance(2_000);
  out(pit, 0x43, 0x00); // ignored: the first is not read yet
  assert.equal(read16(pit, 0x40), 10_000 - 1_192);
  assert.equal(read16(pit, 0x40), 10_000 - 2_385);
});

Deno.test("read-back latches status and count of several counters; status is read first", () => {
  const { pit } = make();
  program(pit, 0, 2, 10_000);
  out(pit, 0x43, 0x74); // counter 1: mode 2, no count yet
  pit.advance(1_000);
  out(pit, 0x43, 0xc0 | 0x06);
  assert.equal(pit.read(0x40, 1), 0x80 | 0x30 | 2 << 1);
  assert.equal(read16(pit, 0x40), 10_000 - 1_192);
  assert.equal(pit.read(0x41, 1), 0x80 | 0x40 | 0x30 | 2 << 1);
});

Deno.test("a BCD counter counts in decimal", () => {
  const { pit } = make();
  out(pit, 0x43, 0x35);
  out(pit, 0x40, 0x00, 0x10); // 1000
  assert.equal(pit.deadlineUs(), usOf(1001n));
  pit.advance(10); // tick 11, 10 after the load
  assert.equal(read16(pit, 0x40), 0x0990);
});

Deno.test("access to one byte only leaves the other zero", () => {
  const { pit } = make();
  out(pit, 0x43, 0x24);
  out(pit, 0x40, 0x02); // high byte: 512
  assert.equal(pit.deadlineUs(), usOf(513n));
  out(pit, 0x43, 0x14);
  out(pit, 0x40, 0x02);
  assert.equal(pit.deadlineUs(), usOf(3n));
});

Deno.test("counter 2 measures time by port 0x61: gate on, output when it has expired", () => {
  const { pit } = make();
  out(pit, 0x61, 0x00);
  program(pit, 2, 0, 11_932);
  pit.advance(1_000_000);
  assert.equal(pit.read(0x61, 1) & 0x23, 0, "held by its gate");
  out(pit, 0x61, 0x01);
  pit.advance(1_009_990);
  assert.equal(pit.read(0x61, 1) & 0x23, 0x01);
  pit.advance(1_010_010);
  assert.equal(pit.read(0x61, 1) & 0x23, 0x21);
});

Deno.test("the refresh toggle of port 0x61 changes every 18 ticks", () => {
  const { pit } = make();
  const seen: number[] = [];
  for (let us = 0; us < 100; us++) {
    pit.advance(us);
    seen.push(pit.read(0x61, 1) & 0x10);
  }
  assert.equal(seen.filter((bit, i) => bit !== (seen[i - 1] ?? 0)).length, 6);
});

Deno.test("a count of 1 in a periodic mode, which is illegal, never fires and can be replaced", () => {
  const { pit } = make();
  program(pit, 0, 2, 1);
  assert.equal(pit.deadlineUs(), Infinity);
  pit.advance(100);
  out(pit, 0x40, 0xe8, 0x03);
  assert.equal(pit.deadlineUs(), usOf(119n + 1n + 1000n));
});

Deno.test("the clock may not pass the next edge", () => {
  const { pit } = make();
  program(pit, 0, 2, 1193);
  assert.throws(() => pit.advance(pit.deadlineUs() + 1), DefectError);
});

Deno.test("a peer's state with a load in the past or a start in the future is refused by name", () => {
  const { pit } = make();
  program(pit, 0, 2, 1193);
  const pending = pit.state();
  pit.advance(100);
  const running = pit.state();
  assert.throws(
    () => pit.restore({ ...pending, clockUs: 500 }),
    /pit.0.loadTick is 1, expected more than 596/,
  );
  assert.throws(
    () => pit.restore({ ...running, clockUs: 0 }),
    /pit.0.origin is 1, expected at most 0/,
  );
});
