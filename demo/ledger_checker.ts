/**
 * Judges what the ledger guest prints by its bytes alone: whether anything was lost, repeated or changed.
 *
 *     const checker = new LedgerChecker();
 *     for await (const bytes of output) checker.write(bytes);
 *     const { ok, faults } = checker.verdict();
 *
 * Pure. The demo's observer and the crash campaigns use it. What makes it possible is the guest's form: it
 * numbers its lines and ticks, folds all that it reads and prints into a running checksum, and echoes each
 * request with its result. So the account is computed anew here, and a client that numbers its requests
 * from 1 and ends with `quit` leaves in the last line how many answers there have to be.
 */
import { LedgerAccount } from "./ledger_account.ts";
import {
  Chain,
  type LedgerLine,
  LineSplitter,
  parseLedgerLine,
  requestNumber,
} from "./ledger_line.ts";

/** What can be wrong. */
export const FAULT_KINDS = [
  /** A line does not have the form. */
  "malformed",
  /** A line's number is not the one after the last line's. */
  "skipped",
  /** A line came again with another text. */
  "changed",
  /** A line's checksum does not follow from all before it. */
  "checksum",
  /** A tick's number or time does not follow from the ticks before it. */
  "tick",
  /** A request was applied though it had been already. */
  "appliedTwice",
  /** A result is not what the requests before it give, or not what it was the first time. */
  "result",
  /** The guest found a request damaged. */
  "refused",
  /** A request has no answer. */
  "unanswered",
  /** The output breaks off, or goes on after its end. */
  "end",
] as const;

/** One of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One thing that is wrong. */
export interface Fault {
  readonly kind: FaultKind;
  /** For people: where, what was found, what was expected. */
  readonly what: string;
}

/** What the output says. JSON-serialisable. */
export interface LedgerVerdict {
  /** Nothing is wrong. Lines that were seen twice are not wrong by themselves. */
  readonly ok: boolean;
  readonly bytes: number;
  /** Lines, each counted once. */
  readonly lines: number;
  /** Lines that came again, with the same number and text. */
  readonly linesSeenTwice: number;
  readonly ticks: number;
  /** Numbered requests that there have been. */
  readonly requests: number;
  /** Those of them that have an answer. */
  readonly answered: number;
  /** Answers that were given again, to a request that was sent again. */
  readonly answeredAgain: number;
  /** The numbers of requests without an answer, at most 20. */
  readonly unanswered: readonly number[];
  /** Computed anew from the requests; decimal digits. */
  readonly balance: string;
  /** The chain's last value; empty if there is none. */
  readonly checksum: string;
  /** How often each kind of fault was found. */
  readonly faultCounts: Readonly<Record<FaultKind, number>>;
  /** The first faults, at most 20. */
  readonly faults: readonly Fault[];
}

/** What else is known about the output. */
export interface Expectation {
  /** The guest was asked to end. Default: true. */
  readonly ended?: boolean;
  /** So many requests were sent; default: as many as the highest number answered says. */
  readonly requests?: number;
}

const LISTED = 20;

/** See the top of the file. */
export class LedgerChecker {
  readonly #splitter = new LineSplitter();
  readonly #chain = new Chain();
  readonly #account = new LedgerAccount();
  readonly #texts = new Map<number, string>();
  readonly #answers = new Map<number, { readonly request: string; readonly result: string }>();
  readonly #faults = new FaultList();
  #bytes = 0;
  #last: LedgerLine | undefined;
  #lastNumber = 0;
  #chainIsKnown = true;
  #seenTwice = 0;
  #again = 0;
  #ticks = 0;
  #tickPeriodMs = 0;
  #ended = false;

  /** Takes the next bytes of the output. @returns the lines that they end, without those that came again */
  write(bytes: Uint8Array): LedgerLine[] {
    this.#bytes += bytes.length;
    return this.#splitter.push(bytes).map((text) => this.#take(text)).filter((line) =>
      line !== undefined
    );
  }

  /** The judgement of all bytes so far. */
  verdict({ ended = true, requests }: Expectation = {}): LedgerVerdict {
    const highest = [...this.#answers.keys()].reduce((most, number) => Math.max(most, number), 0);
    const count = Math.max(requests ?? 0, highest);
    // These are faults only if nothing more comes.
    const atEnd = this.#faults.copy();
    const unanswered: number[] = [];
    for (let number = 1; number <= count; number++) {
      if (this.#answers.has(number)) continue;
      atEnd.add("unanswered", `request #${number} has no answer`);
      unanswered.push(number);
    }
    const rest = this.#splitter.rest;
    if (ended && rest !== "") {
      atEnd.add("end", `the output breaks off after ${JSON.stringify(rest)}`);
    }
    if (ended && !this.#ended) {
      atEnd.add("end", `no bye line; the last line is ${this.#lastNumber}`);
    }
    return {
      ok: atEnd.total === 0,
      bytes: this.#bytes,
      lines: this.#texts.size,
      linesSeenTwice: this.#seenTwice,
      ticks: this.#ticks,
      requests: count,
      answered: this.#answers.size,
      answeredAgain: this.#again,
      unanswered: unanswered.slice(0, LISTED),
      balance: `${this.#account.balance}`,
      checksum: this.#last?.checksum ?? "",
      faultCounts: atEnd.counts,
      faults: atEnd.faults,
    };
  }

  #take(text: string): LedgerLine | undefined {
    const line = parseLedgerLine(text);
    if (line === undefined) {
      this.#chainIsKnown = false;
      this.#fault("malformed", `after line ${this.#lastNumber}: ${JSON.stringify(text)}`);
      return undefined;
    }
    if (line.number <= this.#lastNumber) {
      this.#takeRepeated(line);
      return undefined;
    }
    this.#takeNext(line);
    return line;
  }

  #takeRepeated(line: LedgerLine): void {
    const known = this.#texts.get(line.number);
    if (known === line.text) this.#seenTwice++;
    else this.#fault("changed", `${quote(line)} was ${JSON.stringify(known ?? "not seen")} before`);
  }

  #takeNext(line: LedgerLine): void {
    if (this.#ended) this.#fault("end", `${quote(line)} after the bye line`);
    if (line.number !== this.#lastNumber + 1) {
      this.#chainIsKnown = false;
      this.#fault("skipped", `line ${line.number} after line ${this.#lastNumber}`);
    }
    this.#checkChain(line);
    if ((line.kind === "boot") !== (line.number === 1)) this.#fault("malformed", `${quote(line)}`);
    if (line.kind === "boot") this.#takeBoot(line);
    this.#lastNumber = line.number;
    this.#last = line;
    this.#texts.set(line.number, line.text);
    if (line.kind === "tick") this.#takeTick(line);
    if (line.request !== undefined) this.#takeAnswer(line, line.request);
  }

  #checkChain(line: LedgerLine): void {
    const expected = this.#chain.fold(line);
    if (this.#chainIsKnown && line.checksum !== expected) {
      this.#fault("checksum", `${quote(line)}: expected ~${expected}`);
    }
    this.#chain.set(line.checksum);
    this.#chainIsKnown = true;
  }

  #takeBoot(line: LedgerLine): void {
    const [, period] = line.rest.match(/^ledger (\d{1,5})ms$/) ?? [];
    if (period === undefined) this.#fault("malformed", `${quote(line)}: expected ledger <p>ms`);
    else this.#tickPeriodMs = Number(period);
  }

  #takeTick(line: LedgerLine): void {
    const [, k, ms] = line.rest.match(/^(\d{1,15}) (\d{1,15})ms$/)?.map(Number) ?? [];
    const expected = this.#ticks + 1;
    if (k !== expected) this.#fault("tick", `${quote(line)}: expected tick ${expected}`);
    this.#ticks = k ?? expected;
    if (ms !== undefined && (ms < this.#tickPeriodMs * this.#ticks || !this.#account.clock(ms))) {
      this.#fault("tick", `${quote(line)}: the clock is too early`);
    }
  }

  #takeAnswer(line: LedgerLine, request: { readonly text: string; readonly result: string }): void {
    const number = requestNumber(request.text);
    const before = number === undefined ? undefined : this.#answers.get(number);
    if (line.kind === "error") return this.#fault("refused", quote(line));
    if (line.kind === "again") {
      this.#again++;
      if (before?.request !== request.text || before.result !== request.result) {
        this.#fault(
          "result",
          `${quote(line)}: the first answer was ${before?.result ?? "not seen"}`,
        );
      }
      return;
    }
    if (before !== undefined) this.#fault("appliedTwice", quote(line));
    if (number !== undefined) {
      this.#answers.set(number, { request: request.text, result: request.result });
    }
    const wrong = this.#account.apply(request.text, request.result);
    if (wrong !== undefined) this.#fault("result", `${quote(line)}: ${wrong}`);
    if (line.kind === "bye") this.#ended = true;
  }

  #fault(kind: FaultKind, what: string): void {
    this.#faults.add(kind, what);
  }
}

/** The first faults, and how many of each kind there were. */
class FaultList {
  readonly faults: Fault[] = [];
  readonly counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as FaultCounts;

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  add(kind: FaultKind, what: string): void {
    this.counts[kind]++;
    if (this.faults.length < LISTED) this.faults.push({ kind, what });
  }

  copy(): FaultList {
    const copy = new FaultList();
    copy.faults.push(...this.faults);
    Object.assign(copy.counts, this.counts);
    return copy;
  }
}

type FaultCounts = Record<FaultKind, number>;

function quote(line: LedgerLine): string {
  return JSON.stringify(line.text);
}
