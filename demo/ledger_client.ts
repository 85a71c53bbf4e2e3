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
import { GuestError } from "../base/errors.ts";
import { ConsoleClient, type GuestEnd } from "../sinks/console_client.ts";

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
  /** See the console client's. */
  readonly attempts?: number;
  /** Called with all output as it arrives, in the stream's order. The next is waited for when this is done. */
  readonly onOutput?: (arrival: Arrival) => void | Promise<void>;
  /** Told what people should know. */
  readonly notice?: (text: string) => void;
}

/** Mostly additions and subtractions of changing operands; a pure function of `k`. */
export function mixedRequest(k: number): string {
  const draw = Math.imul(k, 0x9e3779b1) >>> 8;
  const operand = draw % 1000;
  return (["sub", "get", "sum", "sub", "time"][k % 16] ?? "add") +
    (k % 16 === 1 || k % 16 === 2 || k % 16 === 4 ? "" : ` ${operand}`);
}

/** See the top of the file. */
export class LedgerClient implements AsyncDisposable {
  readonly #options: LedgerClientOptions;
  readonly #client: ConsoleClient;
  readonly #unanswered = new Map<number, string>();
  readonly #arrivals: Arrival[] = [];
  readonly #over: Promise<void>;
  #lineRest = "";
  #sent = 0;
  #answered = 0;
  #resent = 0;
  #connections = 0;
  #booted = false;
  #isFinishing = false;
  #isOver = false;
  #failure: unknown;
  #wakes = new Set<() => void>();

  /** Begins at once. @param addresses of both consoles, separated by commas */
  constructor(addresses: string, options: LedgerClientOptions = {}) {
    this.#options = options;
    const { attempts, notice } = options;
    this.#client = new ConsoleClient(addresses, {
      input: true,
      have: 0,
      ...(attempts === undefined ? {} : { attempts }),
      ...(notice === undefined ? {} : { notice }),
    });
    this.#over = Promise.all([this.#watch(), this.#feed()]).then(() => {});
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

  /** The console below: its connections, generation, lost and duplicate bytes. */
  get console(): Pick<ConsoleClient, "connections" | "generation" | "lostBytes" | "duplicateBytes"> {
    return this.#client;
  }

  /** Waits until so many requests have their answer. @throws GuestError if the guest ends before;
   * UnavailableError if no side is live any more */
  async answers(count: number): Promise<void> {
    while (this.#answered < count) {
      this.#check(`${this.#answered} of ${count} requests answered`);
      await this.#change();
    }
  }

  /** Has all requests answered, then asks for `sum` and `quit`; returns how the guest ended.
   * @throws UnavailableError if no side is live any more; GuestError if the console was closed */
  async finish(): Promise<GuestEnd> {
    this.#isFinishing = true;
    this.#wake();
    await this.#over;
    if (this.#client.ended === undefined) this.#check("no end of the guest seen");
    return this.#client.ended!;
  }

  /** Leaves the console. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#over;
  }

  #check(what: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isOver) throw new GuestError(`the console is over: ${what}`);
  }

  async #watch(): Promise<void> {
    try {
      for await (const { offset, bytes } of this.#client.outputs()) {
        const { generation, connections } = this.#client;
        const arrival = { atMs: performance.now(), generation, offset, bytes };
        this.#arrivals.push(arrival);
        this.#read(bytes);
        if (connections > this.#connections) {
          if (this.#connections > 0) this.#resendAll = true;
          this.#connections = connections;
        }
        await this.#options.onOutput?.(arrival);
        this.#wake();
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#isOver = true;
    this.#wake();
  }

  #resendAll = false;

  /** Looks for answers. */
  #read(bytes: Uint8Array): void {
    const lines = (this.#lineRest + String.fromCharCode(...bytes)).split("\n");
    this.#lineRest = lines.pop()!;
    for (const line of lines) {
      this.#booted = true;
      const number = line.match(/^\d+ (?:answer|again|error|bye) #(\d+) /)?.[1];
      if (number !== undefined && this.#unanswered.delete(Number(number))) this.#answered++;
    }
  }

  /** Types, a line at a time. */
  async #feed(): Promise<void> {
    const { intervalMs = 10 } = this.#options;
    for (;;) {
      const text = this.#nextText();
      if (this.#isOver) return;
      if (text === undefined) {
        await this.#change();
        continue;
      }
      await this.#client.write(new TextEncoder().encode(text));
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  }

  /** What is to be typed now, if anything. */
  #nextText(): string | undefined {
    const { unansweredMax = 16, request = mixedRequest } = this.#options;
    if (!this.#booted) return undefined;
    if (this.#resendAll) {
      this.#resendAll = false;
      this.#resent += this.#unanswered.size;
      const again = [...this.#unanswered].map(([k, what]) => `#${k} ${what}\n`);
      if (again.length > 0) return again.join("");
    }
    if (!this.#isFinishing) {
      return this.#unanswered.size < unansweredMax ? this.#make(request(this.#sent + 1)) : undefined;
    }
    if (this.#unanswered.size > 0 || this.#isQuitting) return undefined;
    this.#isQuitting = true;
    return this.#make("sum") + this.#make("quit");
  }

  #isQuitting = false;

  #make(what: string): string {
    const k = ++this.#sent;
    this.#unanswered.set(k, what);
    return `#${k} ${what}\n`;
  }

  async #change(): Promise<void> {
    if (this.#isOver) return;
    await new Promise<void>((resolve) => this.#wakes.add(resolve));
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }
}
