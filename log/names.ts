/**
 * What the events of a log are called: the numbers of devices, sections and codes in words.
 *
 * Called by stat.ts and dump.ts.
 */
import type { LogEvent } from "../codec/codec.ts";
import { ControlCode, DataDevice } from "../machine/control.ts";
import { StateSection } from "../machine/state.ts";

/** The number that tells events of one kind apart; of time events there is one kind. */
export function selectorOf(event: LogEvent): number | undefined {
  switch (event.kind) {
    case "time":
      return undefined;
    case "data":
      return event.device;
    case "state":
      return event.section;
    case "control":
      return event.code;
  }
}

const NAMES = { data: DataDevice, state: StateSection, control: ControlCode } as const;

/** That number in words, such as `console`; as a number if it has no name; empty for a time event. */
export function selectorName(event: LogEvent): string {
  if (event.kind === "time") return "";
  const selector = selectorOf(event);
  const known = Object.entries(NAMES[event.kind]).find(([, number]) => number === selector);
  return known?.[0] ?? `${selector}`;
}

/** Microseconds as seconds: `1.000250 s`. */
export function seconds(us: number): string {
  return `${Math.floor(us / 1e6)}.${`${us % 1e6}`.padStart(6, "0")} s`;
}
