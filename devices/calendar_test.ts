import assert from "node:assert/strict";
import { calendarDay, daysOf } from "./calendar.ts";

Deno.test("every day of 10,000 years is what Date says, and finds its way back", () => {
  const first = daysOf(0, 1, 1);
  const last = daysOf(9999, 12, 31);
  assert.equal(last - first, 3_652_424);
  // Every 13th day visits each date of the year and each weekday; the first and last 1000 all.
  for (let days = first; days <= last; days += days - first < 1000 || last - days < 1000 ? 1 : 13) {
    const { year, month, day, weekday } = calendarDay(days);
    const date = new Date(days * 86_400_000);
    assert.equal(year, date.getUTCFullYear());
    assert.equal(month, date.getUTCMonth() + 1);
    assert.equal(day, date.getUTCDate());
    assert.equal(weekday, date.getUTCDay());
    assert.equal(daysOf(year, month, day), days);
  }
});

Deno.test("a day beyond the end of its month counts on into the next", () => {
  assert.deepEqual(calendarDay(daysOf(2023, 2, 31)), { year: 2023, month: 3, day: 3, weekday: 5 });
});
