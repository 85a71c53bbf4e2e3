/**
 * The client of a framed console: shows every byte of a machine's output once, whichever side serves it.
 *
 *     const client = new ConsoleClient("hostA:7000,hostB:7000", { input: true });
 *     for await (const { bytes } of client.outputs()) await write(bytes);
 *     client.ended; // { exitCode, why }
 *
 * It goes round its addresses until one is live, and on from there at the offset it has. What `outputs`
 * gave is acknowledged when the next is asked for: the loop's body is where an output is performed. So
 * it holds the guest's outputs up, and is dropped (and comes back) when it takes longer than 5 s.
 * Everything happens inside of that loop; there is nothing to run beside it.
 *
 * `understudy console` shows it to people, the demo's observer and the tests count with it.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError, UsageError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import {
  consoleAttempts,
  consoleBackoffMs,
  consoleNotLiveMs,
  consoleQueueBytes,
  consoleSilenceMs,
} from "../base/limits.ts";
import { type Address, formatAddress, parseAddress } from "../link/address.ts";
import type { FrameLink } from "../link/link.ts";
import { Security } from "../link/security.ts";
import { connectTcp } from "../link/tcp.ts";
import { type SetTimer, wallTimer } from "../link/timer.ts";
import {
  consoleFraming,
  decodeMessage,
  encodeMessage,
  EndReason,
  type Message,
  type ServerHello,
} from "./console_protocol.ts";
import { KeptInput } from "./kept_input.ts";

/** How a client behaves. */
export interface ConsoleClientOptions {
  /** Whether `write` will be called. */
  readonly input?: boolean;
  /** It has all output below this offset. Default: it wants all that is still there. */
  readonly have?: number;
  /** Attempts in a row without a live server, after which it gives up. */
  readonly attempts?: number;
  /** Told, in a line, what people should know: output that is gone, connections that broke. */
  readonly notice?: (text: string) => void;
  /** How connections are protected; default: not at all, and to loopback addresses only. */
  readonly security?: Security;
  /** Time. */
  readonly setTimer?: SetTimer;
}

/** A piece of the machine's output. */
export interface ConsoleOutput {
  /** Of its first byte in the stream. */
  readonly offset: number;
  /** At least one. */
  readonly bytes: Bytes;
}

/** How the guest has ended. */
export interface GuestEnd {
  /** The guest's own. */
  readonly exitCode: number;
  /** For people. */
  readonly why: string;
}

/** See the top of the file. */
export class ConsoleClient implements Disposable {
  readonly #addresses: readonly Address[];
  readonly #options: ConsoleClientOptions;
  readonly #setTimer: SetTimer;
  readonly #id = crypto.getRandomValues(new BigUint64Array(1))[0]!;
  readonly #input = new KeptInput();
  readonly #closing = new AbortController();
  /** The offset of the next byte wanted; undefined until a server has said where it begins. */
  #next: number | undefined;
  #machineId: string | undefined;
  #generation = 0;
  /** Which address is tried next, and attempts in a row that came to nothing. */
  #turn = 0;
  #attempts = 0;
  /** What the last one came to. */
  #lastWhy = "";
  #link: FrameLink | undefined;
  #ended: GuestEnd | undefined;
  #wakeWriter: (() => void) | undefined;
  #wakeBackOff: (() => void) | undefined;
  #duplicateBytes = 0;
  #lostBytes = 0;
  #connections = 0;

  /** Does not connect yet. @param addresses of all sides that may serve, separated by commas.
   * @throws UsageError */
  constructor(addresses: string, options: ConsoleClientOptions = {}) {
    this.#addresses = addresses.split(",").map(parseAddress);
    for (const address of this.#addresses) (options.security ?? Security.loopback).permit(address);
    this.#options = options;
    this.#setTimer = options.setTimer ?? wallTimer;
    this.#next = options.have;
  }

  /** How the guest has ended; undefined while it has not. */
  get ended(): GuestEnd | undefined {
    return this.#ended;
  }

  /** Bytes that came although they had been taken before. They are not given out. */
  get duplicateBytes(): number {
    return this.#duplicateBytes;
  }

  /** Bytes that no server could give any more. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /** How often a live server was found. */
  get connections(): number {
    return this.#connections;
  }

  /** The generation of the server at hand, or of the last one; 0 before the first. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * The machine's output, in order and without a repetition, until the guest ends or this is closed.
   * Leaving the loop leaves the console. To be called once.
   * @throws UnavailableError when all attempts are used up, or another client is attached; UsageError
   *   when another machine answers
   */
  async *outputs(): AsyncGenerator<ConsoleOutput, void, void> {
    try {
      while (this.#ended === undefined && !this.#closing.signal.aborted) {
        const address = this.#addresses[this.#turn++ % this.#addresses.length]!;
        try {
          yield* this.#visit(address);
        } catch (cause) {
          if (!(cause instanceof PeerError || cause instanceof Retry)) throw cause;
          this.#lastWhy = cause.message;
          if (cause instanceof PeerError) this.#notice(cause.message);
        }
        if (this.#ended === undefined) await this.#backOff();
      }
    } finally {
      this.close();
    }
  }

  /** Types: resolves once all bytes are kept, to be sent until they are committed. One call at a time.
   * Waits while 64 KiB are kept; bytes written after the end go nowhere. */
  async write(bytes: Uint8Array): Promise<void> {
    assert(this.#options.input === true, "this console was opened without input");
    for (let at = 0; !this.#closing.signal.aborted;) {
      at += this.#input.append(bytes.subarray(at));
      this.#sendInput();
      if (at === bytes.length) return;
      await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    }
  }

  /** Leaves the console; `outputs` ends. */
  close(): void {
    this.#closing.abort();
    this.#wakeWriter?.();
    this.#wakeBackOff?.();
  }

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** One connection, from HELLO to its end. */
  async *#visit(address: Address): AsyncGenerator<ConsoleOutput, void, void> {
    using link = await this.#connect(address);
    const { signal } = this.#closing;
    if (signal.aborted) return;
    // Not only a greeted link: a server may be silent until it is live.
    const leave = () => link.close();
    signal.addEventListener("abort", leave);
    this.#send(link, {
      type: "clientHello",
      client: this.#id,
      have: this.#next,
      wantsInput: this.#options.input ?? false,
    });
    let patienceMs: number = consoleSilenceMs;
    try {
      for (let message; (message = await this.#receive(link, patienceMs)) !== undefined;) {
        // Not live: the takeover that makes it so may be under way.
        patienceMs = message.type === "notLive" ? consoleNotLiveMs : consoleSilenceMs;
        if (message.type === "output") yield* this.#takeOutput(link, message);
        else this.#hear(link, message);
      }
    } finally {
      signal.removeEventListener("abort", leave);
      this.#link = undefined;
    }
  }

  async #connect(address: Address): Promise<FrameLink> {
    const { signal } = this.#closing;
    const { security = Security.loopback } = this.#options;
    const options = { signal, security, setTimer: this.#setTimer, queueBytes: consoleQueueBytes };
    try {
      return await connectTcp(address, consoleFraming, options);
    } catch (cause) {
      throw cause instanceof UnavailableError ? new Retry(cause.message) : cause;
    }
  }

  /** The next message; undefined at the end, also at a broken one or after silence: this comes back. */
  async #receive(link: FrameLink, timeoutMs: number): Promise<Message | undefined> {
    const cancel = this.#setTimer(timeoutMs, () => {
      if (timeoutMs > consoleNotLiveMs) this.#notice(`${link.peer} was silent for ${timeoutMs} ms`);
      link.close();
    });
    try {
      const frame = await link.receive();
      return frame && decodeMessage(frame, "server");
    } catch (cause) {
      if (!(cause instanceof UnavailableError)) throw cause;
      this.#lastWhy = cause.message;
      return undefined;
    } finally {
      cancel();
    }
  }

  *#takeOutput(link: FrameLink, output: ConsoleOutput): Generator<ConsoleOutput, void, void> {
    const next = this.#attached(link);
    if (output.offset > next) {
      throw new PeerError(`${link.peer}: output at ${output.offset}, expected ${next}`);
    }
    const known = Math.min(next - output.offset, output.bytes.length);
    this.#duplicateBytes += known;
    this.#attempts = 0;
    if (known < output.bytes.length) {
      this.#next = output.offset + output.bytes.length;
      yield { offset: next, bytes: output.bytes.subarray(known) };
    }
    this.#acknowledge(link);
  }

  #hear(link: FrameLink, message: Message): void {
    switch (message.type) {
      case "serverHello":
        return this.#greet(link, message);
      case "notLive":
        return;
      case "end":
        return this.#hearEnd(link, message);
      case "gap":
        if (message.from !== this.#attached(link) || message.to <= message.from) {
          throw new PeerError(`${link.peer}: gap from ${message.from} to ${message.to}`);
        }
        this.#notice(`output from ${message.from} to ${message.to} is gone: nobody kept it`);
        this.#lostBytes += message.to - message.from;
        this.#next = message.to;
        return;
      case "inputAck":
        this.#input.acknowledged(message.offset);
        this.#wakeWriter?.();
        return this.#sendInput();
      case "ping":
        this.#attempts = 0;
        return this.#acknowledge(link);
      default:
        throw new PeerError(`${link.peer}: ${message.type} out of place`);
    }
  }

  #greet(link: FrameLink, hello: ServerHello): void {
    this.#machineId ??= hello.machineId;
    if (hello.machineId !== this.#machineId) {
      const found = `${link.peer} serves machine ${hello.machineId}, not ${this.#machineId}`;
      throw new UsageError(`${found}: give the addresses of one machine`);
    }
    if (hello.generation < this.#generation) {
      throw new Retry(`${link.peer} is of a past generation`);
    }
    this.#generation = hello.generation;
    this.#next ??= hello.outputNext;
    this.#input.attach(hello.inputNext);
    this.#connections++;
    this.#link = link;
  }

  #hearEnd(link: FrameLink, { reason, exitCode, why }: Message & { type: "end" }): void {
    if (reason === EndReason.guestEnded) {
      this.#ended = { exitCode, why };
      link.close();
    } else if (reason === EndReason.busy) {
      throw new UnavailableError(
        `${link.peer}: ${why}; one console at a time: close the other one`,
      );
    } else {
      this.#notice(`${link.peer} ends the connection: ${why}`);
      throw new Retry(why);
    }
  }

  /** The offset that comes next. @throws PeerError if the server has not greeted yet */
  #attached(link: FrameLink): number {
    if (this.#link !== link || this.#next === undefined) {
      throw new PeerError(`${link.peer}: no SERVER-HELLO at first`);
    }
    return this.#next;
  }

  #acknowledge(link: FrameLink): void {
    this.#send(link, { type: "outputAck", offset: this.#attached(link) });
  }

  #sendInput(): void {
    if (this.#link === undefined) return;
    for (let part; (part = this.#input.next()) !== undefined;) {
      this.#send(this.#link, { type: "input", ...part });
    }
  }

  #send(link: FrameLink, message: Message): void {
    void link.send(encodeMessage(message));
  }

  async #backOff(): Promise<void> {
    const most = this.#options.attempts ?? consoleAttempts;
    if (++this.#attempts >= most) {
      const all = this.#addresses.map(formatAddress).join(", ");
      const last = this.#lastWhy === "" ? "" : `; the last one: ${this.#lastWhy}`;
      throw new UnavailableError(`no live console at ${all} after ${most} attempts${last}`);
    }
    if (this.#closing.signal.aborted) return;
    const { first, last } = consoleBackoffMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeBackOff = resolve;
    const cancel = this.#setTimer(Math.min(last, first * 2 ** (this.#attempts - 1)), resolve);
    await promise;
    cancel();
  }

  #notice(text: string): void {
    this.#options.notice?.(text);
  }
}

/** This address is of no use now; another one may be, and this one later. */
class Retry extends Error {}
