/**
 * The Gregorian calendar, both ways: days since 1970-01-01 to a date and back.
 *
 * In integers only, since devices use nothing of the host. Years are counted from March, which puts the
 * leap day at a year's end; 400 years are a full cycle of 146097 days. Called by the RTC.
 */

/** A day of the calendar. */
export interface CalendarDay {
  /** The year, negative before the year 0. */
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** 0 (Sunday) to 6. */
  readonly weekday: number;
}

const DAYS_PER_ERA = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;

/** Days from 1970-01-01 to a date. A day beyond its month's end counts on into the next. */
export function daysOf(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = firstOfMonth((month + 9) % 12) + day - 1;
  return era * DAYS_PER_ERA + daysBeforeYear(yearOfEra) + dayOfYear - EPOCH_DAYS;
}

/** The date `days` days after (negative: before) 1970-01-01. */
export function calendarDay(days: number): CalendarDay {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  let yearOfEra = Math.floor(dayOfEra / 365);
  // 365 is too short a year, so the guess is at most one too high.
  if (daysBeforeYear(yearOfEra) > dayOfEra) yearOfEra--;
  const dayOfYear = dayOfEra - daysBeforeYear(yearOfEra);
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  return {
    year: era * 400 + yearOfEra + (monthFromMarch < 10 ? 0 : 1),
    month: (monthFromMarch + 2) % 12 + 1,
    day: dayOfYear - firstOfMonth(monthFromMarch) + 1,
    weekday: ((days + 4) % 7 + 7) % 7,
  };
}

/** Days of an era before its year `year`, 0 to 400. */
function daysBeforeYear(year: number): number {
  return year * 365 + Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);
}

/** The day of the year, from March, on which a month begins: 31, 30, 31, 30, 31, over and over. */
function firstOfMonth(monthFromMarch: number): number {
  return Math.floor((153 * monthFromMarch + 2) / 5);
}
