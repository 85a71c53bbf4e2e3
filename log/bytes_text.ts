/**
 * The bytes of an event, to be read: as text in quotes if they are text, else as hexadecimal digits; cut to a
 * length. What is in a log comes from a guest and its consoles: nothing is text that could move the cursor of whoever
 * reads it, or turn the direction of writing.
 *
 * Called by dump.ts.
 */

/** How much is shown. */
export interface Shown {
  /** Of bytes that are text. */
  readonly textBytes: number;
  /** Of others. */
  readonly hexBytes: number;
}

/** `"get\r\n"`, or `00 1f ff`; with `...` if there is more. */
export function showBytes(bytes: Uint8Array, { textBytes, hexBytes }: Shown): string {
  const text = decodeText(bytes, textBytes);
  const most = text === undefined ? hexBytes : textBytes;
  const readable = text === undefined
    ? toHex(bytes.subarray(0, hexBytes), " ")
    : JSON.stringify(text);
  return bytes.length > most ? `${readable} ...` : readable;
}

/**
 * The first bytes as text, if they are text in UTF-8: no control characters but those that end and indent lines, no
 * format characters, no separators of lines and paragraphs.
 * @param most so many bytes; a character that they part is left out
 */
export function decodeText(bytes: Uint8Array, most: number): string | undefined {
  const isCut = bytes.length > most;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    const text = decoder.decode(bytes.subarray(0, most), { stream: isCut });
    return text === "" || UNFIT.test(text) ? undefined : text;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

const UNFIT = /[\p{Cf}\p{Zl}\p{Zp}]|[^\P{Cc}\r\n\t]/u;

/** Two digits a byte. */
export function toHex(bytes: Uint8Array, separator = ""): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);
}
