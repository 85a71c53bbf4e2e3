import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { Rtc } from "./rtc.ts";

/** 2024-02-28 23:59:58, a Wednesday. */
const EPOCH = Date.UTC(2024, 1, 28, 23, 59, 58) / 1000;
const SECOND = 1_000_000;

function make(epochSeconds = EPOCH) {
  const seen = { level: false, rises: 0 };
  const rtc = new Rtc(epochSeconds, (level) => {
    if (level && !seen.level) seen.rises++;
    seen.level = level;
  });
  const get = (index: number) => {
    rtc.write(0x70, 1, index);
    return rtc.read(0x71, 1);
  };
  const set = (index: number, value: number) => {
    rtc.write(0x70, 1, index);
    rtc.write(0x71, 1, value);
  };
  /** Century, year, month, day, weekday, hour, minute, second. */
  const time = () => [0x32, 9, 8, 7, 6, 4, 2, 0].map((index) => get(index).toString(16));
  return { rtc, seen, get, set, time };
}

Deno.test("the time is the boot epoch plus the machine clock, leap day included", () => {
  const { rtc, time } = make();
  assert.deepEqual(time(), ["20", "24", "2", "28", "4", "23", "59", "58"]);
  rtc.advance(2 * SECOND - 1);
  assert.deepEqual(time(), ["20", "24", "2", "28", "4", "23", "59", "59"]);
  rtc.advance(2 * SECOND);
  assert.deepEqual(time(), ["20", "24", "2", "29", "5", "0", "0", "0"]);
});

Deno.test("registers are BCD or binary, with 24 or 12 hours, as register B says", () => {
  const { set, time } = make();
  set(0x0b, 0x06);
  assert.deepEqual(time(), ["14", "18", "2", "1c", "4", "17", "3b", "3a"]);
  set(0x0b, 0x00);
  assert.deepEqual(time().slice(5), ["91", "59", "58"]);
  set(0x0b, 0x04);
  assert.equal(time()[5], "8b");
});

Deno.test("midnight and noon are 12 in 12-hour mode", () => {
  const { rtc, set, get } = make();
  set(0x0b, 0x00);
  rtc.advance(2 * SECOND);
  assert.equal(get(4), 0x12);
  rtc.advance((2 + 12 * 3600) * SECOND);
  assert.equal(get(4), 0x92);
});

Deno.test("a guest sets the time with SET: registers are memory meanwhile, then the time", () => {
  const { rtc, set, time } = make();
  set(0x0b, 0x82);
  rtc.advance(5 * SECOND);
  assert.equal(time()[7], "58", "updates are inhibited");
  const values = [[0x32, 0x19], [9, 0x99], [8, 0x12], [7, 0x31], [4, 0x23], [2, 0x59], [0, 0x59]];
  for (const [index, value] of values) set(index!, value!);
  rtc.advance(7 * SECOND);
  assert.deepEqual(time().slice(0, 4), ["19", "99", "12", "31"]);
  set(0x0b, 0x02);
  assert.deepEqual(time(), ["19", "99", "12", "31", "6", "23", "59", "59"]);
  rtc.advance(8 * SECOND);
  assert.deepEqual(time(), ["20", "0", "1", "1", "7", "0", "0", "0"]);
});

Deno.test("SET clears the update interrupt's enable", () => {
  const { set, get } = make();
  set(0x0b, 0x92);
  assert.equal(get(0x0b), 0x82);
});

Deno.test("writing one time register of a running clock changes that part of the time", () => {
  const { set, time } = make();
  set(4, 0x11);
  assert.deepEqual(time(), ["20", "24", "2", "28", "4", "11", "59", "58"]);
});

Deno.test("the first update comes half a second after the divider leaves reset", () => {
  const { rtc, set, get } = make();
  rtc.advance(300_000);
  set(0x0a, 0x76);
  rtc.advance(10 * SECOND);
  assert.equal(get(0), 0x58);
  set(0x0a, 0x26);
  rtc.advance(10 * SECOND + 499_999);
  assert.equal(get(0), 0x58);
  rtc.advance(10 * SECOND + 500_000);
  assert.equal(get(0), 0x59);
});

Deno.test("reading the RTC during an update: UIP warns 244 us before the 1984 us of it", () => {
  const { rtc, get, set } = make();
  const uip = () => get(0x0a) & 0x80;
  rtc.advance(SECOND - 2229);
  assert.equal(uip(), 0);
  rtc.advance(SECOND - 2228);
  assert.equal(uip(), 0x80);
  rtc.advance(SECOND - 1);
  assert.equal(uip(), 0x80);
  assert.equal(get(0), 0x58, "the old second until the update ends");
  set(0x0b, 0x82);
  assert.equal(uip(), 0, "SET ends an update");
  set(0x0b, 0x02);
  rtc.advance(SECOND);
  assert.equal(uip(), 0);
  assert.equal(get(0), 0x59);
});

Deno.test("the update-ended interrupt comes every second, once register C has been read", () => {
  const { rtc, seen, get, set } = make();
  set(0x0b, 0x12);
  assert.equal(rtc.deadlineUs(), SECOND);
  rtc.advance(SECOND);
  assert.equal(seen.level, true);
  assert.equal(rtc.deadlineUs(), Infinity, "the line is high already");
  rtc.advance(5 * SECOND);
  assert.equal(get(0x0c) & 0x90, 0x90);
  assert.equal(seen.level, false);
  assert.equal(get(0x0c), 0);
  assert.equal(rtc.deadlineUs(), 6 * SECOND);
});

for (let rate = 1; rate <= 15; rate++) {
  const hz = rate === 1 ? 256 : rate === 2 ? 128 : 65_536 >> rate;
  Deno.test(`the periodic interrupt of rate ${rate} comes ${hz} times a second, for a year`, () => {
    for (const start of [0, 31_536_000 * SECOND]) {
      const { rtc, seen, get, set } = make();
      set(0x0a, 0x20 | rate);
      set(0x0b, 0x42);
      rtc.restore({ ...rtc.state(), clockUs: start });
      for (let n = 1; n <= hz; n++) {
        assert.equal(rtc.deadlineUs(), start + Math.ceil(n * SECOND / hz));
        rtc.advance(rtc.deadlineUs());
        assert.equal(get(0x0c) & 0xc0, 0xc0);
      }
      assert.equal(seen.rises, hz);
    }
  });
}

Deno.test("flags are set without their enables, and interrupt when enabled later", () => {
  const { rtc, seen, get, set } = make();
  assert.equal(rtc.deadlineUs(), Infinity);
  rtc.advance(10 * SECOND);
  assert.equal(seen.level, false);
  set(0x0b, 0x42);
  assert.equal(seen.level, true);
  assert.equal(get(0x0c), 0xf0, "periodic, update, and the alarm at 00:00:00");
});

Deno.test("the alarm rings at its time of day, the next day too", () => {
  const { rtc, get, set } = make();
  for (const [index, value] of [[5, 0x00], [3, 0x01], [1, 0x30]]) set(index!, value!);
  set(0x0b, 0x22);
  assert.equal(rtc.deadlineUs(), (2 + 90) * SECOND);
  rtc.advance(rtc.deadlineUs());
  assert.equal(get(0x0c) & 0xa0, 0xa0);
  assert.equal(rtc.deadlineUs(), (2 + 90 + 86_400) * SECOND);
});

Deno.test("alarm registers from 0xc0 match anything: every second, minute, hour", () => {
  for (const [any, period] of [[[1, 3, 5], 1], [[3, 5], 60], [[5], 3600]] as const) {
    const { rtc, get, set } = make();
    for (const index of any) set(index, 0xff);
    set(0x0b, 0x22);
    rtc.advance(rtc.deadlineUs());
    get(0x0c);
    assert.equal(rtc.deadlineUs() - 2 * SECOND, period === 1 ? 0 : period * SECOND);
  }
});

Deno.test("an alarm at a time that does not exist never rings", () => {
  const { rtc, set } = make();
  set(3, 0x75);
  set(0x0b, 0x22);
  assert.equal(rtc.deadlineUs(), Infinity);
});

Deno.test("a 12-hour alarm tells morning from evening", () => {
  const { rtc, set } = make();
  set(0x0b, 0x20);
  set(5, 0x91); // 11 pm; it is 23:59:58, so tomorrow's
  assert.equal(rtc.deadlineUs(), (2 + 23 * 3600) * SECOND);
});

Deno.test("CMOS memory keeps what is written; C and D can't be written; D says valid", () => {
  const { get, set } = make();
  for (let index = 0x0e; index < 0x80; index++) if (index !== 0x32) set(index | 0x80, index ^ 0x55);
  for (let index = 0x0e; index < 0x80; index++) {
    if (index !== 0x32) assert.equal(get(index), index ^ 0x55);
  }
  set(0x0c, 0xff);
  set(0x0d, 0xff);
  assert.equal(get(0x0c), 0);
  assert.equal(get(0x0d), 0x80);
});

Deno.test("nonsense in the time registers becomes the nearest time", () => {
  const { set, time } = make();
  set(0x0b, 0x86);
  for (const index of [0x32, 9, 8, 7, 4, 2, 0]) set(index, 0xff);
  set(0x0b, 0x06);
  set(0x0b, 0x02);
  assert.deepEqual(time(), ["99", "99", "12", "31", "6", "23", "59", "59"]);
});

Deno.test("an epoch that no clock can show is refused", () => {
  assert.throws(() => make(1e15), PeerError);
  assert.throws(() => make(0.5), PeerError);
});
