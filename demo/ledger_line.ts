/**
 * The lines that the ledger guest prints; guests/ledger/src/lib.rs describes them.
 *
 *     <n> <kind> <rest> ~<hhhhhhhh>
 *
 * Read by `ledger_client.ts`, which looks for its answers, and by `ledger_checker.ts`.
 */

const REQUEST_KINDS = ["answer", "again", "error", "bye"] as const;

/** One line. */
export interface LedgerLine {
  /** All of it, without its newline. */
  readonly text: string;
  /** Counts from 1. */
  readonly number: number;
  readonly kind: "boot" | "tick" | (typeof REQUEST_KINDS)[number];
  /** What stands between the kind and the checksum. */
  readonly rest: string;
  /** Only of the four kinds that answer one. */
  readonly request?: { readonly text: string; readonly result: string };
  /** The chain's value, as printed: eight hex digits. */
  readonly checksum: string;
}

/** Reads a line; undefined if it does not have the form. */
export function parseLedgerLine(text: string): LedgerLine | undefined {
  const form = /^([1-9]\d{0,14}) (boot|tick|answer|again|error|bye) ([ -~]*) ~([0-9a-f]{8})$/;
  const match = text.match(form);
  if (match === null) return undefined;
  const [, digits, kindText, rest, checksum] = match as unknown as string[];
  const kind = kindText as LedgerLine["kind"];
  const line = { text, number: Number(digits), kind, rest: rest!, checksum: checksum! };
  if (!(REQUEST_KINDS as readonly string[]).includes(kind)) return line;
  const arrow = line.rest.lastIndexOf(" => ");
  if (arrow < 0) return undefined;
  const request = { text: line.rest.slice(0, arrow), result: line.rest.slice(arrow + 4) };
  return { ...line, request };
}

/** The number that a request has (`#K ...`), if it has one. */
export function requestNumber(request: string): number | undefined {
  const digits = request.match(/^\s*#(\d{1,15})(?:\s|$)/)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The running checksum: FNV-1a, 32 bits, of ASCII text. */
export class Chain {
  #value = 0x811c_9dc5;

  /** Goes on from a value that was printed. */
  set(checksum: string): void {
    this.#value = parseInt(checksum, 16);
  }

  /** Takes in a line, and what it answers; returns the checksum that it has to have. */
  fold(line: LedgerLine): string {
    if (line.request !== undefined) this.#take(`${line.request.text}\n`);
    this.#take(line.text.slice(0, line.text.length - "~".length - line.checksum.length));
    return this.#value.toString(16).padStart(8, "0");
  }

  #take(text: string): void {
    for (let at = 0; at < text.length; at++) {
      this.#value = Math.imul(this.#value ^ text.charCodeAt(at), 0x0100_0193) >>> 0;
    }
  }
}

/** Longer than every line that the guest prints. */
const LINE_MAX = 4096;

/** Bytes to lines. */
export class LineSplitter {
  readonly #decoder = new TextDecoder("latin1");
  #rest = "";

  /** What came after the last newline. */
  get rest(): string {
    return this.#rest;
  }

  /** Takes bytes; gives the lines that they end, without their newlines. What has none for 4 KiB is given
   * as a line: it can't be one. */
  push(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes)).split("\n");
    this.#rest = lines.pop()!;
    if (this.#rest.length <= LINE_MAX) return lines;
    const overlong = this.#rest;
    this.#rest = "";
    return [...lines, overlong];
  }
}
