/**
 * A client of the ledger guest: types numbered requests all the while, and keeps what it is answered with.
 *
 *     await using client = new LedgerClient(pair.consoles);
 *     await client.answers(100);
 *     await pair.primary.kill();
 *     await client.answers(200);
 *     const { exitCode } = await client.finish();
 *
 * After each reconnection it sends again what it got no answer for. Requests are numbered from 1 without
 * a gap; the last one is `quit`, so that the output alone says how many there were. Whether the output
 * is right is not judged here but by `ledger_checker.ts`.
 */
import { UnavailableError } from "../base/errors.ts";
import type { Security } from "../link/security.ts";
import { ConsoleClient, type GuestEnd } from "../sinks/console_client.ts";
import { LineSplitter, parseLedgerLine, requestNumber } from "./ledger_line.ts";

/** A piece of output as it arrived. */
export interface Arrival {
  /** On this process's clock (`performance.now`). */
  readonly atMs: number;
  /** Of the side that showed it. */
  readonly generation: number;
  /** Of its first byte in the stream. */
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** How a client behaves. */
export interface LedgerClientOptions {
  /** What request number `k` asks; default: {@link mixedRequest}. */
  readonly request?: (k: number) => string;
  /** Wait between two requests; default: 10. */
  readonly intervalMs?: number;
  /** Requests without an answer, beyond which it waits for answers; default: 16. */
  readonly unansweredMax?: number;
  /** Attempts in a row without a live console, after which it gives up; see the console client's. */
  readonly attempts?: number;
  /** Called with all output as it arrives. The next is waited for when this is done. */
  readonly onOutput?: (arrival: Arrival) => void | Promise<void>;
  /** Told what people should know. */
  readonly notice?: (text: string) => void;
  /** How the consoles are spoken to; default: in the clear. */
  readonly security?: Security;
}

/** Mostly additions and subtractions of changing operands; a pure function of `k`. */
export function mixedRequest(k: number): string {
  const operand = (Math.imul(k, 0x9e37_79b1) >>> 8) % 1000;
  const asking = ["get", "sum", "time"][k % 16];
  return asking ?? `${k % 3 === 0 ? "sub" : "add"} ${operand}`;
}

/** See the top of the file. */
export class LedgerClient implements AsyncDisposable {
  readonly #options: LedgerClientOptions;
  readonly #client: ConsoleClient;
  readonly #splitter = new LineSplitter();
  readonly #arrivals: Arrival[] = [];
  readonly #over: Promise<unknown>;
  /** By their numbers, in the order in which they were sent. */
  readonly #unanswered = new Map<number, string>();
  #sent = 0;
  #answered = 0;
  #resent = 0;
  #connections = 0;
  /** `booting`: the guest takes no input before its first line. */
  #phase: "booting" | "asking" | "quitting" = "booting";
  #isFinishing = false;
  #mustResend = false;
  #isOver = false;
  #failure: unknown;
  #changed = Promise.withResolvers<void>();

  /** Begins at once. @param addresses of both consoles, separated by commas */
  constructor(addresses: string, options: LedgerClientOptions = {}) {
    this.#options = options;
    const { attempts, notice, security } = options;
    this.#client = new ConsoleClient(addresses, {
      input: true,
      have: 0,
      ...(attempts === undefined ? {} : { attempts }),
      ...(notice === undefined ? {} : { notice }),
      ...(security === undefined ? {} : { security }),
    });
    this.#over = Promise.all([this.#watch(), this.#type()]);
  }

  /** Requests that were made, each counted once. Their numbers are 1 to this. */
  get sent(): number {
    return this.#sent;
  }

  /** Requests that have their answer. */
  get answered(): number {
    return this.#answered;
  }

  /** Requests that were sent again. */
  get resent(): number {
    return this.#resent;
  }

  /** All output so far. */
  get arrivals(): readonly Arrival[] {
    return this.#arrivals;
  }

  /** The console below: its connections and generation, bytes that were lost or came twice. */
  get console(): Pick<
    ConsoleClient,
    "connections" | "generation" | "lostBytes" | "duplicateBytes"
  > {
    return this.#client;
  }

  /** Waits until so many requests have their answer. @throws UnavailableError if the console is over
   * before: the guest has ended, or no side is live any more */
  async answers(count: number): Promise<void> {
    while (this.#answered < count) {
      this.#checkOpen(`${this.#answered} of ${count} requests were answered`);
      await this.#changed.promise;
    }
  }

  /** Has all requests answered, asks for `sum` and `quit`, and returns how the guest ended.
   * @throws UnavailableError if no side is live any more, or the console was closed */
  async finish(): Promise<GuestEnd> {
    this.#isFinishing = true;
    this.#change();
    await this.#over;
    if (this.#client.ended === undefined) this.#checkOpen("the guest's end was not seen");
    return this.#client.ended!;
  }

  /** Leaves the console. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#over;
  }

  #checkOpen(what: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isOver) throw new UnavailableError(`the console is over: ${what}`);
  }

  async #watch(): Promise<void> {
    try {
      for await (const { offset, bytes } of this.#client.outputs()) {
        const arrival = {
          atMs: performance.now(),
          generation: this.#client.generation,
          offset,
          bytes,
        };
        this.#arrivals.push(arrival);
        this.#read(bytes);
        await this.#options.onOutput?.(arrival);
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#isOver = true;
    this.#change();
  }

  /** Looks for answers. */
  #read(bytes: Uint8Array): void {
    if (this.#phase === "booting") this.#phase = "asking";
    for (const text of this.#splitter.push(bytes)) {
      const { request } = parseLedgerLine(text) ?? {};
      const number = request && requestNumber(request.text);
      if (number !== undefined && this.#unanswered.delete(number)) this.#answered++;
    }
    const { connections } = this.#client;
    this.#mustResend ||= this.#connections > 0 && connections > this.#connections;
    this.#connections = connections;
    this.#change();
  }

  /** Types, a line at a time. */
  async #type(): Promise<void> {
    const { intervalMs = 10 } = this.#options;
    const encoder = new TextEncoder();
    while (!this.#isOver) {
      const text = this.#next();
      if (text === undefined) {
        await this.#changed.promise;
      } else {
        await this.#client.write(encoder.encode(text));
        await new Promise((resolve) => setTimeout(resolve, intervalMs));
      }
    }
  }

  /** What is to be typed now, if anything. */
  #next(): string | undefined {
    const { unansweredMax = 16, request = mixedRequest } = this.#options;
    if (this.#phase === "booting") return undefined;
    if (this.#mustResend) {
      this.#mustResend = false;
      this.#resent += this.#unanswered.size;
      return [...this.#unanswered].map(([k, what]) => `#${k} ${what}\n`).join("");
    }
    if (!this.#isFinishing) {
      return this.#unanswered.size < unansweredMax ? this.#ask(request(this.#sent + 1)) : undefined;
    }
    if (this.#unanswered.size > 0 || this.#phase === "quitting") return undefined;
    this.#phase = "quitting";
    return this.#ask("sum") + this.#ask("quit");
  }

  #ask(what: string): string {
    const k = ++this.#sent;
    this.#unanswered.set(k, what);
    return `#${k} ${what}\n`;
  }

  /** Wakes all who wait for something to happen. */
  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
