/**
 * For the tests of the framed console: a clock that only moves when told, and a client that says exactly
 * what a test wants, also what is wrong.
 */
import assert from "node:assert/strict";
import { parseAddress } from "../link/address.ts";
import type { FrameLink } from "../link/link.ts";
import { connectTcp } from "../link/tcp.ts";
import type { SetTimer } from "../link/timer.ts";
import {
  consoleFraming,
  decodeMessage,
  encodeMessage,
  type Message,
  type ServerHello,
} from "./console_protocol.ts";

/** Time that a test moves. */
export class FakeTime {
  #timers = new Map<number, { at: number; fire: () => void }>();
  #nowMs = 0;
  #ids = 0;

  /** Whether anything still waits for a time to come. */
  get idle(): boolean {
    return this.#timers.size === 0;
  }

  readonly setTimer: SetTimer = (delayMs, fire) => {
    const id = this.#ids++;
    this.#timers.set(id, { at: this.#nowMs + delayMs, fire });
    return () => this.#timers.delete(id);
  };

  /** Lets time pass, and every timer fire that comes due meanwhile, in order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end)
        .sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next[0]);
      this.#nowMs = next[1].at;
      next[1].fire();
    }
    this.#nowMs = end;
  }
}

/** The stream whose byte at each offset is a function of the offset. */
export function stream(from: number, to: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: to - from }, (_, i) => (from + i) * 7 % 251);
}

/** A client without manners. */
export class RawClient implements Disposable {
  private constructor(readonly link: FrameLink) {}

  /** Connects, and says HELLO if there is one. */
  static async connect(address: string, hello?: Partial<Message>): Promise<RawClient> {
    const client = new RawClient(await connectTcp(parseAddress(address), consoleFraming));
    if (hello) {
      const plain = { type: "clientHello", client: 1n, have: undefined, wantsInput: true } as const;
      client.send({ ...plain, ...hello } as Message);
    }
    return client;
  }

  /** Attaches to a live server: HELLO and its answer. */
  static async attach(
    address: string,
    hello: { client?: bigint; have?: number; wantsInput?: boolean } = {},
  ): Promise<{ client: RawClient; hello: ServerHello } & Disposable> {
    const client = await RawClient.connect(address, hello);
    const answer = await client.next("serverHello");
    return { client, hello: answer, [Symbol.dispose]: () => client.link.close() };
  }

  send(message: Message): void {
    void this.link.send(encodeMessage(message));
  }

  async receive(): Promise<Message | undefined> {
    const frame = await this.link.receive();
    return frame && decodeMessage(frame, "server");
  }

  /** The next message, which must be of this type; pings are passed over. */
  async next<T extends Message["type"]>(type: T): Promise<Message & { type: T }> {
    for (;;) {
      const message = await this.receive();
      if (message?.type === "ping" && type !== "ping") continue;
      assert.equal(message?.type, type, JSON.stringify(message)?.slice(0, 200));
      return message as Message & { type: T };
    }
  }

  [Symbol.dispose](): void {
    this.link.close();
  }
}
