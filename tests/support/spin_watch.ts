/**
 * Watches a pair whose guest computes (guests/spin) from outside while a test does harm to it: asks it over the
 * framed console how far it is, all the while, and checks in the end that it computed what it ought to have.
 *
 * Called by the tests of whole pairs and their campaigns.
 */
import assert from "node:assert/strict";
import { ConsoleClient } from "../../sinks/console_client.ts";
import { type PairWatch, within } from "./pair_watch.ts";
import { checkSpin, type SpinRun } from "./spin.ts";

/** Between an answer and the next question. */
const PAUSE_MS = 5;

/** What was seen in all. */
export interface SpinSeen extends SpinRun {
  /** Bytes that a server sent although the client had them: not shown, but seen twice on the wire. */
  readonly duplicateBytes: number;
}

/** One client and what it was told. */
export class SpinWatch implements PairWatch<SpinSeen> {
  readonly #client: ConsoleClient;
  readonly #over: Promise<void>;
  #text = "";
  #lines = 0;
  #bytes = 0;
  #asked = 0;
  #mayAsk = true;
  #failure: unknown;
  #changed = Promise.withResolvers<void>();

  /** @param consoles the addresses of both sides' framed consoles, separated by commas */
  constructor(consoles: string) {
    this.#client = new ConsoleClient(consoles, { input: true, have: 0, attempts: 1_000_000 });
    this.#over = this.#read().catch((error) => this.#failure = error).then(() => this.#tell());
  }

  get bytes(): number {
    return this.#bytes;
  }

  get duplicateBytes(): number {
    return this.#client.duplicateBytes;
  }

  async progress(count = 1): Promise<void> {
    const target = this.#asked + count;
    const what = () => `answer ${target}, after ${this.#asked - 1} and ${this.#bytes} bytes`;
    await within(this.#until(() => this.#asked >= target), what);
  }

  async finish(): Promise<SpinSeen> {
    this.#mayAsk = false;
    await this.#client.write(new TextEncoder().encode("quit\n"));
    await within(this.#over, () => `the guest's end; it said ${this.#text.slice(-200)}`);
    if (this.#failure !== undefined) throw this.#failure;
    assert.equal(this.#client.ended?.exitCode, 0, this.#client.ended?.why);
    assert.equal(this.#client.lostBytes, 0, "bytes that nobody could give any more");
    return { ...checkSpin(this.#text), duplicateBytes: this.#client.duplicateBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#over;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const { offset, bytes } of this.#client.outputs()) {
      assert.equal(offset, this.#bytes, "output at another offset than the next");
      this.#bytes += bytes.length;
      const text = decoder.decode(bytes, { stream: true });
      this.#text += text;
      this.#lines += text.split("\n").length - 1;
      // After its first line it takes questions, and it answers one with a line.
      if (this.#lines > this.#asked) {
        this.#asked = this.#lines;
        this.#tell();
        setTimeout(() => this.#ask(), PAUSE_MS);
      }
    }
  }

  #ask(): void {
    if (this.#mayAsk) this.#client.write(new TextEncoder().encode("?\n")).catch(() => {});
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      if (this.#failure !== undefined) throw this.#failure;
      assert.equal(this.#client.ended, undefined, `the guest ended: ${this.#text.slice(-200)}`);
      await this.#changed.promise;
    }
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
