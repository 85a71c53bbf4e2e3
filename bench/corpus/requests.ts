/**
 * What is typed at the ledger of the corpus, and when: a program that sends requests as they come up, somebody who
 * pastes pages of them, somebody who types. The same seed types the same.
 *
 * Called by ledger.ts.
 */
import { Random } from "../../tests/support/random.ts";

/** Something to type. */
export interface Keystrokes {
  /** Since what was typed before. */
  readonly afterMs: number;
  readonly text: string;
}

/** Lines that make no request, as people and broken programs send them. */
const STRAY = [
  "help",
  "balance?",
  "add five",
  "add 9223372036854775808",
  "#x get",
  "sub",
  "GET / HTTP/1.1",
  "\u{fffd}caf\u{e9} \u{1f4d2}",
];

/** So many rounds, of {@link typeAll}'s three ways to type each. */
const ROUNDS = 20;
const SENT_A_ROUND = 100;
const PASTED_A_ROUND = 50;
const LINES_A_PASTE = 10;
const SENT_EVERY_MS = 6;
const PASTE_EVERY_MS = 90;
const KEY_EVERY_MS = 60;

/** How many lines {@link typeAll} types. */
export const REQUESTS = ROUNDS * (SENT_A_ROUND + PASTED_A_ROUND + 1);

/** Everything that is typed before the guest is told to quit. */
export function* typeAll(random: Random): Generator<Keystrokes, void> {
  const requests = new Requests(random);
  for (let round = 0; round < ROUNDS; round++) {
    for (let sent = 0; sent < SENT_A_ROUND; sent++) {
      yield { afterMs: waitOf(random, SENT_EVERY_MS), text: requests.line() };
    }
    for (let pasted = 0; pasted < PASTED_A_ROUND; pasted += LINES_A_PASTE) {
      const lines = Array.from({ length: LINES_A_PASTE }, () => requests.line());
      yield { afterMs: waitOf(random, PASTE_EVERY_MS), text: lines.join("") };
    }
    for (const key of requests.request()) {
      yield { afterMs: waitOf(random, KEY_EVERY_MS), text: key };
    }
  }
}

/** The time to the next of many things that do not know of each other (an exponential distribution). */
function waitOf(random: Random, meanMs: number): number {
  return -meanMs * Math.log(1 - random.below(2 ** 32) / 2 ** 32);
}

/** Draws lines. */
class Requests {
  #number = 0;
  #last = "get\n";

  constructor(private readonly random: Random) {}

  /** Mostly a request. */
  line(): string {
    const kind = this.random.below(100);
    if (kind < 90) return this.request();
    // A client that has had no answer asks again.
    if (kind < 95) return this.#last;
    return kind < 98 ? `${this.random.pick(STRAY)}\n` : `${this.#noise()}\n`;
  }

  request(): string {
    const { random } = this;
    const number = random.below(4) > 0 ? `#${++this.#number} ` : "";
    const command = random.below(5) > 0
      ? `${random.pick(["add", "sub"])} ${this.#amount()}`
      : random.pick(["get", "sum", "time"]);
    return this.#last = `${number}${command}\n`;
  }

  /** As often of one digit as of nine. */
  #amount(): number {
    return this.random.below(10 ** (1 + this.random.below(9)));
  }

  /** What a noisy line sends, now and then more than a request may have. */
  #noise(): string {
    const length = 1 + this.random.below(300);
    return Array.from({ length }, () => String.fromCharCode(33 + this.random.below(94))).join("");
  }
}
