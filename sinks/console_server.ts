/**
 * The sink `console:ADDR`: a framed console that listens, for `understudy console` (the protocol is
 * drawn in `console_protocol.ts`). Who watches sees every byte exactly once, over takeovers.
 *
 * *Performed* is what the client has acknowledged. Without a client, output goes to a bounded tail
 * and counts as performed at once: a console never holds up the guest. One client at a time; one that
 * is too slow, silent or breaks the protocol is let go, and the machine goes on. A backup listens too,
 * says NOT-LIVE, and fills its tail with what is done, so that a client that comes over at a takeover
 * goes on where it was.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import {
  consoleGuests,
  consoleHelloMs,
  consoleNotLiveMs,
  consoleQueueBytes,
  consoleTailBytes,
} from "../base/limits.ts";
import { parseAddress } from "../link/address.ts";
import type { FrameLink, LinkListener } from "../link/link.ts";
import type { Security } from "../link/security.ts";
import { listenTcp } from "../link/tcp.ts";
import { type SetTimer, wallTimer } from "../link/timer.ts";
import { ConsoleInput } from "./console_input.ts";
import {
  type ClientHello,
  consoleFraming,
  decodeMessage,
  encodeMessage,
  type End,
  EndReason,
  type EndReasonValue,
  maxStreamBytes,
  type Message,
} from "./console_protocol.ts";
import { ConsoleSession, lastWord, type SessionContext } from "./console_session.ts";
import { OutputTail } from "./output_tail.ts";
import type { Sink } from "./sink.ts";

/** What a framed console needs to know. */
export interface ConsoleOptions {
  /** Which machine this is; a client does not mix two up. */
  readonly machineId: string;
  /** Told, in a line, what people should know: a client dropped, a client refused. */
  readonly notice?: (text: string) => void;
  /** How connections are protected; default: not at all, and on loopback addresses only. */
  readonly security?: Security;
  /** Time. */
  readonly setTimer?: SetTimer;
}

/** See the top of the file. */
export class ConsoleSink implements Sink {
  readonly address: string;
  readonly #options: ConsoleOptions;
  readonly #listener: LinkListener;
  readonly #context: SessionContext;
  /** Undefined before this side was live for the first time. */
  #generation: number | undefined;
  /** Whom clients wait for while this side is not live; undefined while it is. */
  #notLive: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  #ended: End | undefined;
  #session: ConsoleSession | undefined;
  /** All connections, and what serves them. */
  readonly #links = new Map<FrameLink, Promise<void>>();
  readonly #accepting: Promise<void>;

  /**
   * Listens from now on.
   * @param address where to listen, `HOST:PORT`
   * @throws UsageError, UnavailableError if it can't
   */
  constructor(readonly spec: string, address: string, options: ConsoleOptions) {
    this.#options = options;
    const setTimer = options.setTimer ?? wallTimer;
    const notice = options.notice ?? (() => {});
    const tail = new OutputTail(consoleTailBytes);
    this.#context = { tail, input: new ConsoleInput(), setTimer, notice };
    const linkOptions = { ...options, queueBytes: consoleQueueBytes, setTimer };
    this.#listener = listenTcp(parseAddress(address), consoleFraming, linkOptions);
    this.address = this.#listener.address;
    this.#accepting = this.#accept().catch((cause: Error) =>
      notice(`sink ${spec} takes no more clients: ${cause.message}`)
    );
  }

  /** Whether a client is attached. */
  get attached(): boolean {
    return this.#session?.gone === false;
  }

  async perform(offset: number, bytes: Bytes): Promise<void> {
    assert(this.#notLive === undefined, `sink ${this.spec} is not live`);
    // Each piece fits in the tail, so nothing that the client has not yet leaves it.
    for (let at = 0; at < bytes.length; at += maxStreamBytes) {
      this.#context.tail.append(offset + at, bytes.subarray(at, at + maxStreamBytes));
      await this.#session?.deliver();
    }
  }

  done(offset: number, bytes: Bytes): Promise<void> {
    this.#context.tail.append(offset, bytes);
    return Promise.resolve();
  }

  goLive(outputOffset: number, inputOffset: number, generation: number): Promise<void> {
    const { tail, input } = this.#context;
    if (this.#generation === undefined) {
      // What was done but never told (before this backup joined) is a gap for who comes over.
      if (tail.end < outputOffset) tail.skipTo(outputOffset);
      input.start(inputOffset);
    }
    this.#generation = generation;
    this.#beLive();
    return Promise.resolve();
  }

  suspend(): void {
    if (this.#notLive !== undefined) return;
    this.#notLive = Promise.withResolvers();
    this.#session?.dismiss(endWord(EndReason.closing, "this side waits to learn who goes on"));
  }

  #beLive(): void {
    this.#notLive?.resolve();
    this.#notLive = undefined;
  }

  readInput(): Promise<Bytes | undefined> {
    return this.#context.input.read();
  }

  inputCommitted(inputOffset: number): void {
    const { input } = this.#context;
    const before = input.committed;
    input.commit(inputOffset);
    if (input.committed !== before) this.#session?.inputCommitted();
  }

  async end(exitCode: number, why: string): Promise<void> {
    this.#ended = { type: "end", reason: EndReason.guestEnded, exitCode, why };
    this.#beLive(); // A backup has the tail and the last word, too.
    this.#context.input.end();
    const session = this.#session;
    if (session === undefined) return;
    await this.#sayEnd(session, this.#ended);
    await this.#links.get(session.link);
  }

  async close(): Promise<void> {
    this.#context.input.end();
    this.#listener.close();
    const session = this.#session;
    session?.dismiss(endWord(EndReason.closing, "this side closes its console"));
    for (const link of this.#links.keys()) if (link !== session?.link) link.close();
    await this.#accepting;
    await Promise.all(this.#links.values());
  }

  async #accept(): Promise<void> {
    for (let link; (link = await this.#listener.accept()) !== undefined;) {
      if (this.#links.size > consoleGuests) {
        link.close();
        continue;
      }
      this.#links.set(link, this.#serve(link));
    }
  }

  async #serve(link: FrameLink): Promise<void> {
    try {
      const frame = await link.receive({ timeoutMs: consoleHelloMs });
      if (frame === undefined) return;
      const hello = decodeMessage(frame, "client");
      if (hello.type !== "clientHello") {
        throw new PeerError(`console: ${hello.type} before CLIENT-HELLO`);
      }
      if (this.#notLive !== undefined) await this.#awaitLive(link, this.#notLive.promise);
      const refusal = this.#refusal(hello);
      if (refusal === undefined) await this.#attach(link, hello);
      else await this.#turnAway(link, refusal);
    } catch (cause) {
      if (cause instanceof UnavailableError) return;
      if (!(cause instanceof PeerError)) throw cause;
      this.#context.notice(`console client ${link.peer} refused: ${cause.message}`);
      await this.#turnAway(link, endWord(EndReason.malformed, cause.message));
    } finally {
      link.close();
      this.#links.delete(link);
    }
  }

  #refusal(hello: ClientHello): Message | undefined {
    if (this.#notLive !== undefined) {
      return endWord(EndReason.closing, "this side is still not live");
    }
    const other = this.attached && this.#session?.client !== hello.client;
    return other ? endWord(EndReason.busy, "another console is attached") : undefined;
  }

  /** Not live yet: the client may wait here for a while, for a takeover may be under way. */
  async #awaitLive(link: FrameLink, live: Promise<void>): Promise<void> {
    void link.send(encodeMessage({ type: "notLive" })).catch(() => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#context.setTimer(2 * consoleNotLiveMs, resolve);
    await Promise.race([live, promise]);
    cancel();
  }

  async #attach(link: FrameLink, hello: ClientHello): Promise<void> {
    this.#session?.dismiss(endWord(EndReason.closing, "the same client has come again"));
    const session = this.#session = new ConsoleSession(link, hello, this.#context);
    const running = session.run(hello, {
      type: "serverHello",
      inputNext: this.#context.input.accepted,
      outputNext: this.#context.tail.start,
      generation: this.#generation ?? 0,
      machineId: this.#options.machineId,
    });
    if (this.#ended) void this.#sayEnd(session, this.#ended);
    await running;
  }

  /** The last word for a client, once it has all output. */
  async #sayEnd(session: ConsoleSession, word: End): Promise<void> {
    await session.deliver();
    session.dismiss(word);
  }

  /** Says why a connection is not wanted, and waits a little for it to go. */
  async #turnAway(link: FrameLink, word: Message): Promise<void> {
    const cancel = lastWord(link, word, this.#context.setTimer);
    try {
      while (await link.receive() !== undefined);
    } catch {
      // It was told; what it has to say does not matter.
    } finally {
      cancel();
    }
  }
}

function endWord(reason: EndReasonValue, why: string): End {
  return { type: "end", reason, exitCode: 0, why };
}
