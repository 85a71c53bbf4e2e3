/**
 * Links over TCP. Nagle's algorithm is off: a frame that releases an output must not wait for the
 * peer's acknowledgement of the one before; `send_queue.ts` gathers instead.
 *
 * primary/ listens for backups, backup/ connects; sinks/ does both for the console.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { connectTimeoutMs, linkQueueBytes } from "../base/limits.ts";
import type { Bytes } from "../base/layout.ts";
import { type Address, formatAddress } from "./address.ts";
import { FrameReader } from "./frame_reader.ts";
import type { FrameLink, Framing, LinkListener, ReceiveOptions } from "./link.ts";
import { SendQueue } from "./send_queue.ts";
import { type SetTimer, wallTimer } from "./timer.ts";

/** What can be set for a link over TCP. */
export interface TcpOptions {
  /** What may wait to be written, in bytes. */
  readonly queueBytes?: number;
  /** Time, for the timeout of `receive`. */
  readonly setTimer?: SetTimer;
}

/** What can be set for a connection that this side makes. */
export interface ConnectOptions extends TcpOptions {
  /** How long it may take. */
  readonly timeoutMs?: number;
  /** Gives it up before. */
  readonly signal?: AbortSignal;
}

/** One end of a TCP connection. Made by {@link connectTcp} and {@link listenTcp}. */
export class TcpLink implements FrameLink {
  readonly peer: string;
  readonly #connection: Deno.TcpConn;
  readonly #reader: FrameReader;
  readonly #queue: SendQueue;
  readonly #setTimer: SetTimer;
  #receiving = false;
  #closed = false;

  /** Takes the connection over: closes it in the end. */
  constructor(connection: Deno.TcpConn, framing: Framing, options: TcpOptions = {}) {
    connection.setNoDelay(true);
    this.peer = formatAddress(connection.remoteAddr);
    this.#connection = connection;
    this.#reader = new FrameReader(connection, framing);
    this.#queue = new SendQueue(connection, {
      peer: this.peer,
      limitBytes: options.queueBytes ?? linkQueueBytes,
      onFailure: () => this.close(),
    });
    this.#setTimer = options.setTimer ?? wallTimer;
  }

  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }

  send(frame: Bytes): Promise<void> {
    return this.#queue.push(frame);
  }

  async receive(options: ReceiveOptions = {}): Promise<Bytes | undefined> {
    assert(!this.#receiving, `two receives at once from ${this.peer}`);
    if (this.#closed) return undefined;
    const { timeoutMs } = options;
    let late = false;
    const cancel = timeoutMs === undefined ? undefined : this.#setTimer(timeoutMs, () => {
      late = true;
      this.close();
    });
    this.#receiving = true;
    try {
      return await this.#reader.next();
    } catch (cause) {
      if (late) throw new PeerError(`${this.peer} sent no whole frame for ${timeoutMs} ms`);
      if (this.#closed) return undefined;
      this.close();
      throw this.#named(cause);
    } finally {
      this.#receiving = false;
      cancel?.();
    }
  }

  async endSending(): Promise<void> {
    await this.#queue.flushed();
    if (this.#closed) return;
    try {
      await this.#connection.closeWrite();
    } catch {
      // The peer was faster: there is nobody left to tell.
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.fail(new UnavailableError(`${this.peer}: this side has closed the connection`));
    this.#connection.close();
  }

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The error, with the peer's name; what the operating system says of a connection is no fault in
   * the peer's bytes. */
  #named(cause: unknown): Error {
    const { message } = cause as Error;
    if (cause instanceof PeerError) return new PeerError(`${this.peer}: ${message}`, { cause });
    return new UnavailableError(`${this.peer}: ${message}`, { cause });
  }
}

/** Connects. @throws UnavailableError if there is no connection in time */
export async function connectTcp(
  address: Address,
  framing: Framing,
  options: ConnectOptions = {},
): Promise<FrameLink> {
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  const timeoutMs = options.timeoutMs ?? connectTimeoutMs;
  const cancel = (options.setTimer ?? wallTimer)(timeoutMs, giveUp);
  options.signal?.addEventListener("abort", giveUp);
  try {
    options.signal?.throwIfAborted();
    const connection = await Deno.connect({ ...address, signal: abort.signal });
    return new TcpLink(connection, framing, options);
  } catch (cause) {
    const why = options.signal?.aborted
      ? "given up"
      : abort.signal.aborted
      ? `no answer for ${timeoutMs} ms`
      : (cause as Error).message;
    throw new UnavailableError(`no connection to ${formatAddress(address)}: ${why}`, { cause });
  } finally {
    cancel();
    options.signal?.removeEventListener("abort", giveUp);
  }
}

/** Listens; port 0 takes a free one. @throws UnavailableError if the address can't be had */
export function listenTcp(
  address: Address,
  framing: Framing,
  options: TcpOptions = {},
): LinkListener {
  const listener = openListener(address);
  return {
    address: formatAddress(listener.addr),
    async accept() {
      const connection = await acceptFrom(listener);
      return connection && new TcpLink(connection, framing, options);
    },
    close: () => closeListener(listener),
    [Symbol.dispose]: () => closeListener(listener),
  };
}

/** A listening socket. @throws UnavailableError if the address can't be had */
export function openListener(address: Address): Deno.TcpListener {
  try {
    return Deno.listen({ ...address });
  } catch (cause) {
    const { message } = cause as Error;
    const advice = "give an address of this host, and a port that is free";
    throw new UnavailableError(`listen on ${formatAddress(address)}: ${message}; ${advice}`, {
      cause,
    });
  }
}

/** The next connection; undefined once the listener is closed. */
export async function acceptFrom(listener: Deno.TcpListener): Promise<Deno.TcpConn | undefined> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (cause) {
      if (cause instanceof Deno.errors.BadResource) return undefined;
      // A peer that gave up while it waited in the queue is no fault of the listener.
      if (!(cause instanceof Deno.errors.ConnectionAborted)) throw cause;
    }
  }
}

/** Closes a listener, once or more. */
export function closeListener(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.BadResource)) throw cause;
  }
}
