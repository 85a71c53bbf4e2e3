/**
 * Colour for text that people read: only on a terminal, and not where NO_COLOR asks for none.
 *
 * Called by the commands that write reports to standard output.
 */

/** SGR sequences (ECMA-48, 8.3.117). */
const sgr = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, faint: 2 } as const;

/** What text can be shown in. */
export type Style = keyof typeof sgr;

/** Text in a style, or as it was. */
export type Paint = (style: Style, text: string) => string;

/** Paints, or does not. @param colour whether to */
export function painter(colour: boolean): Paint {
  return colour ? (style, text) => `\x1b[${sgr[style]}m${text}\x1b[0m` : (_style, text) => text;
}

/** Whether what goes to standard output is to be coloured. */
export function outputIsColoured(): boolean {
  return Deno.stdout.isTerminal() && !Deno.env.has("NO_COLOR");
}
