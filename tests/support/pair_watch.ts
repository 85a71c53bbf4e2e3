/**
 * Watches a pair from outside while a test does harm to it: feeds the ledger requests over the framed
 * console all the while, and has every byte that comes judged by the demo's checker.
 *
 * Called by the tests of whole pairs and their campaigns.
 */
import assert from "node:assert/strict";
import { LedgerChecker } from "../../demo/ledger_checker.ts";
import { LedgerClient } from "../../demo/ledger_client.ts";
import type { Security } from "../../link/security.ts";

/** How long something is waited for that has to come: only turns a hang into a failure. */
const HANG_MS = 30_000;

/** What was seen in all. */
export interface Seen {
  readonly lines: number;
  readonly bytes: number;
  readonly requests: number;
  readonly resent: number;
  readonly connections: number;
  /** Bytes that a server sent although the client had them: not shown, but seen twice on the wire. */
  readonly duplicateBytes: number;
}

/** What watches a pair's guest while harm is done to it. */
export interface PairWatch<S> extends AsyncDisposable {
  /** Bytes that were seen, each counted once. */
  readonly bytes: number;
  /** Bytes that were seen twice on the wire. */
  readonly duplicateBytes: number;
  /** Waits until the guest has answered `count` times more. */
  progress(count?: number): Promise<void>;
  /** Has the guest end; checks that nothing is missing, says what was seen. */
  finish(): Promise<S>;
}

/** One client of a ledger and the judgement of what it sees. */
export class Watch implements PairWatch<Seen> {
  readonly #checker = new LedgerChecker();
  readonly #client: LedgerClient;
  readonly #hangMs: number;
  #bytes = 0;

  /**
   * @param consoles the addresses of both sides' framed consoles, separated by commas
   * @param options for slow hosts: how long to wait before something hangs, and between two requests; for
   *   consoles within TLS: the keys
   */
  constructor(
    consoles: string,
    options: {
      hangMs?: number;
      intervalMs?: number;
      security?: Security;
      request?: (k: number) => string;
    } = {},
  ) {
    this.#hangMs = options.hangMs ?? HANG_MS;
    this.#client = new LedgerClient(consoles, {
      intervalMs: options.intervalMs ?? 5,
      attempts: Infinity, // what hangs is for `hangMs` to say
      ...(options.security === undefined ? {} : { security: options.security }),
      ...(options.request === undefined ? {} : { request: options.request }),
      onOutput: ({ offset, bytes }) => {
        assert.equal(offset, this.#bytes, "output at another offset than the next");
        this.#bytes += bytes.length;
        this.#checker.write(bytes);
      },
    });
  }

  /** Bytes that were seen twice on the wire. */
  get duplicateBytes(): number {
    return this.#client.console.duplicateBytes;
  }

  /** Bytes that were seen, each counted once. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Waits until `count` further requests have their answers; checks all that was seen. */
  async progress(count = 10): Promise<void> {
    const { answered } = this.#client;
    const work = this.#client.answers(answered + count);
    await within(
      work,
      () => `${count} answers after ${answered}, now ${this.#client.answered}`,
      this.#hangMs,
    );
    const { faults } = this.#checker.verdict({ ended: false });
    assert.deepEqual(faults.filter(({ kind }) => kind !== "unanswered"), []);
  }

  /** Ends the guest with its last request; checks that nothing is missing, says what was seen. */
  async finish(): Promise<Seen> {
    const end = await within(this.#client.finish(), () => "the guest's end", this.#hangMs);
    assert.equal(end.exitCode, 0, end.why);
    const { sent, resent, console } = this.#client;
    const { lines, linesSeenTwice, faults } = this.#checker.verdict({ requests: sent });
    assert.deepEqual(faults, []);
    assert.equal(linesSeenTwice, 0, "a framed console shows each line once");
    assert.equal(console.lostBytes, 0, "bytes that nobody could give any more");
    const { connections, duplicateBytes } = console;
    return { lines, bytes: this.#bytes, requests: sent, resent, connections, duplicateBytes };
  }

  /** Leaves the console. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

/** What `work` comes to. @throws Error if it does not within `hangMs` */
export async function within<T>(
  work: Promise<T>,
  what: () => string,
  hangMs = HANG_MS,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const hung = setTimeout(() => reject(new Error(`waited in vain for ${what()}`)), hangMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(hung);
  }
}
