/**
 * Text from elsewhere, fit to be shown: a peer's reason, a path, a guest's name must not move the cursor of
 * whoever reads, forge a line, or fill the screen.
 *
 * Called by all that writes lines for people.
 */

/** Longer than anything that is said on purpose. */
const LENGTH_MAX = 4000;

// Control and format characters (those that turn the direction of writing are among them), and what ends a line or a
// paragraph in Unicode's way.
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `text` with what does not print as escapes, and cut if it is very long; line feeds stay. */
export function printable(text: string): string {
  const escaped = text.replace(UNFIT, (character) => character === "\n" ? "\n" : escape(character));
  if (escaped.length <= LENGTH_MAX) return escaped;
  return `${escaped.slice(0, LENGTH_MAX)}... (${escaped.length - LENGTH_MAX} characters more)`;
}

/** As {@link printable}, on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n");
}

function escape(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}
