/**
 * Reads the ledger guest's output as it comes, and holds it to its own numbers: lines from 1 without a
 * gap, the chain of checksums unbroken, requests answered as an account of our own answers them.
 *
 * guests/ledger/src/lib.rs draws the lines. Called by pair_load.ts and the tests of whole pairs.
 */
import assert from "node:assert/strict";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const LINE = /^((\d+) (boot|tick|answer|again|error|bye) (.*) )~([0-9a-f]{8})$/;

/** One line of the ledger. */
export interface LedgerLine {
  readonly number: number;
  readonly kind: "boot" | "tick" | "answer" | "again" | "error" | "bye";
  /** What stands between the kind and the checksum. */
  readonly rest: string;
  /** The chain's value after it. */
  readonly chain: number;
}

/** The output of one ledger, from its first byte. */
export class LedgerStream {
  /** Lines so far. */
  lines = 0;
  /** Ticks so far. */
  ticks = 0;
  /** The last line was the last one. */
  isOver = false;
  #chain = FNV_OFFSET;
  #rest = "";
  readonly #decoder = new TextDecoder("ascii", { fatal: true });

  /** Bytes of a line that is not complete. */
  get rest(): string {
    return this.#rest;
  }

  /**
   * Takes the next bytes; returns the lines that they complete.
   * @throws AssertionError at the first line that does not follow
   */
  push(bytes: Uint8Array): LedgerLine[] {
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = parts.pop()!;
    return parts.map((text) => this.#line(text));
  }

  #line(text: string): LedgerLine {
    assert.ok(!this.isOver, `after the last line: ${text}`);
    const line = parseLine(text, this.#chain);
    assert.ok(line !== undefined, `after line ${this.lines}, no line or a broken chain: ${text}`);
    assert.equal(line.number, this.lines + 1, `a gap or a repetition: ${text}`);
    assert.equal(line.kind === "boot", line.number === 1, text);
    if (line.kind === "tick") assert.equal(Number(line.rest.split(" ")[0]), ++this.ticks, text);
    this.lines++;
    this.#chain = line.chain;
    this.isOver = line.kind === "bye";
    return line;
  }
}

/** A line without its newline; undefined if it is none, or does not follow on `chain`. */
export function parseLine(text: string, chain: number): LedgerLine | undefined {
  const [, covered, number, kind, rest, checksum] = text.match(LINE) ?? [];
  if (covered === undefined) return undefined;
  const hasRequest = kind !== "boot" && kind !== "tick";
  const request = hasRequest ? `${rest!.slice(0, rest!.lastIndexOf(" => "))}\n` : "";
  const after = fold(covered, fold(request, chain));
  if (after !== parseInt(checksum!, 16)) return undefined;
  return { number: Number(number), kind: kind as LedgerLine["kind"], rest: rest!, chain: after };
}

function fold(text: string, chain: number): number {
  for (let at = 0; at < text.length; at++) {
    chain = Math.imul(chain ^ text.charCodeAt(at), FNV_PRIME) >>> 0;
  }
  return chain;
}
