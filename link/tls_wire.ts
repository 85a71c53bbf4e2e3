/**
 * The encrypted side of a TLS connection: a TCP connection as the stream that node:tls wants below it.
 *
 * Not a socket of node:net, for which node:tls has a shorter way: below TLS these go on reading, into memory without a
 * bound, when nobody takes what they have read; that the connection has ended and that the other end has said so in
 * TLS can't be told apart; and nothing limits what is received during a handshake. Here both directions
 * are held: bytes are read only while the upper side takes them, and a write above is over when the
 * operating system has it.
 *
 * `tls.ts` makes these.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { PeerError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { handshakeBytes, wireReadBytes } from "../base/limits.ts";
import { type Address, formatAddress } from "./address.ts";

/** What a handshake's records are read into; afterwards it is {@link wireReadBytes}. */
const firstBufferBytes = 4096;

/** The first byte of who begins with a handshake (RFC 8446, section 5.1). */
const handshakeRecord = 22;

/** What who does not is answered: a record with the fatal alert `protocol_version` (section 6). It is what makes
 * the other end say that this is a TLS port. */
const protocolAlert = Uint8Array.of(21, 3, 3, 0, 2, 2, 70);

/** See the top of the file. */
export class TlsWire extends Duplex {
  /** The other end. */
  readonly remoteAddr: Address;
  /** What may be received in all; undefined: no end of it. */
  limitBytes: number | undefined = handshakeBytes;
  readonly #connection: Deno.TcpConn;
  #buffer: Bytes = new Uint8Array(firstBufferBytes);
  /** How many bytes of the buffer have been read ahead. */
  #first: number | null = 0;
  #receivedBytes = 0;
  #isHeld = false;
  /** The stream above has asked for bytes while this was held. */
  #isAsked = false;

  /** Takes the connection over. */
  constructor(connection: Deno.TcpConn) {
    // The least mark: it needs to drain from the first byte on, so that `written` means what it says.
    super({ allowHalfOpen: true, writableHighWaterMark: 1 });
    connection.setNoDelay(true);
    this.#connection = connection;
    this.remoteAddr = connection.remoteAddr;
    // Errors come out of the TLS above. Without a listener an event of this name ends the process.
    this.on("error", () => {});
  }

  /** The handshake is over: from now on bytes come without a limit, and many at once. */
  open(): void {
    this.limitBytes = undefined;
    this.#buffer = new Uint8Array(wireReadBytes);
  }

  /** Resolves when the other end has begun to speak TLS. To be called once, before this is used as a stream.
   * @throws PeerError if it says something else, or ends; and what the connection throws */
  async spokenTo(): Promise<void> {
    this.#first = await this.#connection.read(this.#buffer);
    const peer = formatAddress(this.remoteAddr);
    if (this.#first === null) throw new PeerError(`${peer}: it connects, and says nothing`);
    if (this.#buffer[0] === handshakeRecord) return;
    await this.#connection.write(protocolAlert.slice()).catch(() => {});
    throw new PeerError(`${peer}: it does not speak TLS: was it started without --keys?`);
  }

  /** Reads nothing more for now, but for a read that is under way. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Goes on reading. */
  release(): void {
    this.#isHeld = false;
    if (this.#isAsked) void this.#receive();
  }

  /** Resolves when the operating system has all that was written; also when that is past hope. */
  async written(): Promise<void> {
    if (!this.writableNeedDrain || this.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.once("drain", resolve).once("close", resolve);
    await promise;
    this.off("drain", resolve).off("close", resolve);
  }

  /** The interface's. */
  override _read(): void {
    this.#isAsked = true;
    if (!this.#isHeld) void this.#receive();
  }

  /** The interface's. */
  override _write(bytes: Bytes, _encoding: string, done: (error?: Error) => void): void {
    this.#send(bytes).then(() => done(), done);
  }

  /** The interface's. */
  override _final(done: () => void): void {
    // A peer that was faster does not matter: there is nobody left to tell.
    this.#connection.closeWrite().then(done, () => done());
  }

  /** The interface's. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.close();
    this.#buffer = new Uint8Array(); // Who still remembers this need not remember that.
    done(error);
  }

  async #receive(): Promise<void> {
    this.#isAsked = false;
    try {
      const buffer = this.#buffer;
      const count = this.#first || await this.#connection.read(buffer);
      this.#first = 0;
      if (this.destroyed) return;
      this.#receivedBytes += count ?? 0;
      if (this.limitBytes !== undefined && this.#receivedBytes > this.limitBytes) {
        const who = formatAddress(this.remoteAddr);
        const sum = `${this.#receivedBytes} bytes, limit ${this.limitBytes}`;
        throw new PeerError(`${who} sends more than a handshake has: ${sum}`);
      }
      this.#give(buffer, count);
    } catch (cause) {
      this.destroy(cause as Error);
    }
  }

  /** Gives node:tls what was read without a copy of it: it makes its own before this returns, so the buffer is free
   * for the next read. Where it has not asked, the stream keeps what it was given, and reading goes on into another
   * buffer. (Were it otherwise, the records would not decrypt: nothing wrong could come out.) */
  #give(buffer: Bytes, count: number | null): void {
    this.push(count === null ? null : Buffer.from(buffer.buffer, 0, count));
    if (this.readableLength > 0) this.#buffer = new Uint8Array(buffer.length);
  }

  async #send(bytes: Bytes): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }
}
