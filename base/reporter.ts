/**
 * Lines for people, on standard error: what a side does, with who says it; below them, on a terminal only, one line
 * that moves: what is going on at this moment.
 *
 * A line that says the same as the one before is not said again: what is tried five times a second, such as
 * an arbiter that is out of reach, is news once.
 *
 * Standard output belongs to the guest's console and to results; this never writes there. Colour only on
 * a terminal, and not where NO_COLOR asks for none.
 */

import { printableLine } from "./printable.ts";

/** Says a line. */
export type Say = (text: string) => void;

/** Says lines, and shows what is going on. */
export interface Reporter extends Say {
  /** Shows what is going on until the next line is said, if this is a terminal; empty: nothing is. */
  live(text: string): void;
  /** Whether `live` shows anything. */
  readonly isTerminal: boolean;
}

/** Takes the moving line away (ECMA-48: erase in line, after a carriage return). */
const CLEAR = "\r\x1b[K";

/** A {@link Reporter} for one role (`primary`, `backup`), which heads each line. */
export function reporter(role: string): Reporter {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stderr.isTerminal();
  const coloured = isTerminal && !Deno.env.has("NO_COLOR");
  const head = coloured ? `\x1b[1;36m${role}\x1b[0m` : role;
  let last: string | undefined;
  let isLive = false;
  const write = (text: string) => {
    try {
      Deno.stderr.writeSync(encoder.encode(`${isLive ? CLEAR : ""}${text}`));
    } catch {
      // Nobody reads standard error any more; that is no reason to stop a machine.
    }
  };
  const say = (text: string) => {
    if (text === last) return;
    last = text;
    write(`${head}: ${printableLine(text)}\n`);
    isLive = false;
  };
  const live = (text: string) => {
    if (!isTerminal || text === "" && !isLive) return;
    write(text === "" ? "" : `${isLive ? "" : CLEAR}${head}: ${printableLine(text)}`);
    isLive = text !== "";
  };
  return Object.assign(say, { live, isTerminal });
}
