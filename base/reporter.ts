/**
 * Lines for people, on standard error: what a side does, with who says it.
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

/** A {@link Say} for one role (`primary`, `backup`), which heads each line. */
export function reporter(role: string): Say {
  const encoder = new TextEncoder();
  const coloured = Deno.stderr.isTerminal() && !Deno.env.has("NO_COLOR");
  const head = coloured ? `\x1b[1;36m${role}\x1b[0m` : role;
  let last: string | undefined;
  return (text) => {
    if (text === last) return;
    last = text;
    try {
      Deno.stderr.writeSync(encoder.encode(`${head}: ${printableLine(text)}\n`));
    } catch {
      // Nobody reads standard error any more; that is no reason to stop a machine.
    }
  };
}
