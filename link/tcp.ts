/**
 * Links over TCP, in the clear or in TLS. Nagle's algorithm is off: a frame that releases an output must not
 * wait for the peer's acknowledgement of the one before; `send_queue.ts` gathers instead.
 *
 * primary/ listens for backups, backup/ connects; sinks/ does both for the console.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError } from "../base/errors.ts";
import { linkQueueBytes } from "../base/limits.ts";
import type { Bytes } from "../base/layout.ts";
import { type Address, formatAddress } from "./address.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type ConnectOptions, connectStream } from "./connect.ts";
import { type DoorOptions, openDoor } from "./door.ts";
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

/** One end of a connection. Made by {@link connectTcp} and {@link listenTcp}. */
export class StreamLink implements FrameLink {
  readonly peer: string;
  readonly #connection: ByteStream;
  readonly #reader: FrameReader;
  readonly #queue: SendQueue;
  readonly #setTimer: SetTimer;
  readonly #ended = Promise.withResolvers<void>();
  #receiving = false;
  #broken = false;
  #closed = false;

  /** Takes the connection over: closes it in the end. */
  constructor(connection: ByteStream, framing: Framing, options: TcpOptions = {}) {
    this.peer = formatAddress(connection.remoteAddr);
    this.#connection = connection;
    this.#reader = new FrameReader(connection, framing);
    this.#queue = new SendQueue(connection, {
      peer: this.peer,
      limitBytes: options.queueBytes ?? linkQueueBytes,
      // What the peer sent before the connection broke can still be received.
      onFailure: (how) => how === "full" ? this.close() : this.#broken = true,
    });
    this.#setTimer = options.setTimer ?? wallTimer;
  }

  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
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
      const frame = await this.#reader.next();
      if (frame !== undefined) return frame;
      // The system tells of a broken connection once, and whoever sent may have been told.
      if (this.#broken) throw new Error("the connection broke");
      this.#ended.resolve();
      return undefined;
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
    this.#ended.resolve();
    this.#queue.close(new UnavailableError(`${this.peer}: this side has closed the connection`));
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

/** Connects. @throws what {@link connectStream} throws */
export async function connectTcp(
  address: Address,
  framing: Framing,
  options: ConnectOptions & TcpOptions = {},
): Promise<FrameLink> {
  return new StreamLink(await connectStream(address, options), framing, options);
}

/** Listens; port 0 takes a free one. @throws UnavailableError if the address can't be had */
export function listenTcp(
  address: Address,
  framing: Framing,
  options: TcpOptions & DoorOptions = {},
): LinkListener {
  const door = openDoor(address, options);
  return {
    address: door.address,
    async accept() {
      const stream = await door.accept();
      return stream && new StreamLink(stream, framing, options);
    },
    close: () => door.close(),
    [Symbol.dispose]: () => door.close(),
  };
}
