/**
 * Time as the MC146818 shows it: seconds since 1970 to its registers and back, and its alarm.
 *
 * The registers are BCD or binary (register B, DM), with 12 or 24 hours (24/12). The century at 0x32
 * is the PC's addition. Called by rtc.ts.
 */
import { calendarDay, daysOf } from "./calendar.ts";

/** The register numbers of the time of day, the date and the alarm. */
export const TimeRegister = {
  seconds: 0,
  secondsAlarm: 1,
  minutes: 2,
  minutesAlarm: 3,
  hours: 4,
  hoursAlarm: 5,
  weekday: 6,
  day: 7,
  month: 8,
  year: 9,
  century: 0x32,
} as const;

/** Register B's bit for binary registers. */
export const BINARY = 0x04;

/** Register B's bit for 24 hours. */
export const HOURS_24 = 0x02;

const PM = 0x80;
/** An alarm register with both of these bits set matches everything. */
const ALARM_ANY = 0xc0;
const DAY_SECONDS = 86_400;

/** Whether a register holds a part of the time (not of the alarm). */
export function isTimeRegister(index: number): boolean {
  return index === TimeRegister.century || index >= TimeRegister.weekday && index <= 9 ||
    index < TimeRegister.weekday && (index & 1) === 0;
}

/** Writes the time `second` (seconds since 1970) into the registers. */
export function showTime(cmos: Uint8Array, second: number, format: number): void {
  const ofDay = secondOfDay(second);
  const date = calendarDay((second - ofDay) / DAY_SECONDS);
  const number = (value: number) => encode(value, format);
  cmos[TimeRegister.seconds] = number(ofDay % 60);
  cmos[TimeRegister.minutes] = number(Math.floor(ofDay / 60) % 60);
  cmos[TimeRegister.hours] = encodeHour(Math.floor(ofDay / 3600), format);
  cmos[TimeRegister.weekday] = number(date.weekday + 1);
  cmos[TimeRegister.day] = number(date.day);
  cmos[TimeRegister.month] = number(date.month);
  cmos[TimeRegister.year] = number((date.year % 100 + 100) % 100);
  cmos[TimeRegister.century] = number((Math.floor(date.year / 100) % 100 + 100) % 100);
}

/**
 * The time that the registers show, in seconds since 1970. Values out of range are brought to the
 * nearest in range; the weekday is not asked, it follows from the date.
 */
export function parseTime(cmos: Uint8Array, format: number): number {
  const part = (index: number, min: number, max: number) =>
    Math.min(max, Math.max(min, decode(cmos[index]!, format)));
  const year = part(TimeRegister.century, 0, 99) * 100 + part(TimeRegister.year, 0, 99);
  const days = daysOf(year, part(TimeRegister.month, 1, 12), part(TimeRegister.day, 1, 31));
  return days * DAY_SECONDS + decodeHour(cmos[TimeRegister.hours]!, format) * 3600 +
    part(TimeRegister.minutes, 0, 59) * 60 + part(TimeRegister.seconds, 0, 59);
}

/** The first second after `second` that the alarm registers match; Infinity if none ever does. */
export function nextAlarm(cmos: Uint8Array, second: number, format: number): number {
  const hours = matching(cmos[TimeRegister.hoursAlarm]!, 24, (v) => encodeHour(v, format));
  const minutes = matching(cmos[TimeRegister.minutesAlarm]!, 60, (v) => encode(v, format));
  const seconds = matching(cmos[TimeRegister.secondsAlarm]!, 60, (v) => encode(v, format));
  const ofDay = secondOfDay(second);
  const midnight = second - ofDay;
  for (const day of [midnight, midnight + DAY_SECONDS]) {
    for (const hour of hours) {
      const hourStart = day + hour * 3600;
      if (hourStart + 3600 <= second) continue;
      for (const minute of minutes) {
        const minuteStart = hourStart + minute * 60;
        if (minuteStart + 60 <= second) continue;
        const match = seconds.find((value) => minuteStart + value > second);
        if (match !== undefined) return minuteStart + match;
      }
    }
  }
  return Infinity;
}

function secondOfDay(second: number): number {
  return (second % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
}

/** The values below `limit` that an alarm register matches: the chip compares registers, bit by bit. */
function matching(alarm: number, limit: number, encoded: (value: number) => number): number[] {
  const any = (alarm & ALARM_ANY) === ALARM_ANY;
  return Array.from({ length: limit }, (_, v) => v).filter((v) => any || encoded(v) === alarm);
}

function encode(value: number, format: number): number {
  return (format & BINARY) !== 0 ? value : Math.floor(value / 10) << 4 | value % 10;
}

function decode(register: number, format: number): number {
  return (format & BINARY) !== 0 ? register : (register >> 4) * 10 + (register & 15);
}

function encodeHour(hour: number, format: number): number {
  if ((format & HOURS_24) !== 0) return encode(hour, format);
  return encode(hour % 12 === 0 ? 12 : hour % 12, format) | (hour >= 12 ? PM : 0);
}

function decodeHour(register: number, format: number): number {
  if ((format & HOURS_24) !== 0) return Math.min(23, decode(register, format));
  const hour = Math.min(12, decode(register & ~PM, format)) % 12;
  return (register & PM) !== 0 ? hour + 12 : hour;
}
