/**
 * A TLS connection as a stream of bytes: what links and the raw console run over, with the bounds that they have
 * in the clear. A write is over when the operating system has it; what has been decrypted and not been taken is
 * bounded by one buffer, and one read of the wire.
 */
import { Buffer } from "node:buffer";
import type { Bytes } from "../base/layout.ts";
import { linkBufferBytes } from "../base/limits.ts";
import { UnavailableError } from "../base/errors.ts";
import type { Address } from "./address.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Secured } from "./tls.ts";

/** In good order; by the end of the connection alone, which anybody on the way can bring about; or broken. */
type Ending = "ended" | "cut" | Error;

/** See the top of the file. */
export class TlsStream implements ByteStream {
  readonly remoteAddr: Address;
  readonly #secured: Secured;
  /** Decrypted and not yet taken. */
  readonly #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #hasReceived = false;
  #end: "open" | Ending = "open";
  #wake: (() => void) | undefined;

  /** Takes the connection over. */
  constructor(secured: Secured) {
    const { socket, wire } = secured;
    this.#secured = secured;
    this.remoteAddr = wire.remoteAddr;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => this.#finish("ended"));
    socket.on("error", (error) => this.#finish(error));
    socket.on("close", () => this.#finish("cut"));
    // What ends the wire reaches the socket as an end like any other.
    wire.on("error", (error) => this.#finish(error));
    wire.on("end", () => this.#finish("cut"));
    wire.on("close", () => this.#finish("cut"));
    if (wire.destroyed) this.#finish("cut");
    wire.release();
  }

  /** Reads at least a byte; resolves to how many, or to null at the end. @throws what broke the connection */
  async read(into: Bytes): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#end !== "open") return this.#ending(this.#end);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks[0]!;
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(count);
    this.#waitingBytes -= count;
    if (this.#waitingBytes < linkBufferBytes) this.#secured.wire.release();
    return count;
  }

  /** Writes all of it. @throws what broke the connection */
  async write(bytes: Bytes): Promise<number> {
    const { socket, wire } = this.#secured;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { buffer, byteOffset, length } = bytes;
    socket.write(
      Buffer.from(buffer, byteOffset, length),
      (error) => error ? reject(error) : resolve(),
    );
    await promise;
    await wire.written();
    if (this.#end instanceof Error) throw this.#end;
    return length;
  }

  /** Says in TLS, then in TCP, that nothing follows. */
  async closeWrite(): Promise<void> {
    const { socket, wire } = this.#secured;
    if (wire.destroyed) return;
    const said = Promise.withResolvers<void>();
    wire.once("close", said.resolve);
    socket.end(said.resolve);
    await said.promise;
    // node:tls leaves the stream below it open.
    const ended = Promise.withResolvers<void>();
    wire.once("close", ended.resolve);
    wire.end(ended.resolve);
    if (!wire.destroyed) await ended.promise;
  }

  /** Closes at once. */
  close(): void {
    this.#finish("ended");
    this.#secured.socket.destroy();
    this.#secured.wire.destroy();
  }

  #take(chunk: Buffer): void {
    this.#hasReceived = true;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= linkBufferBytes) this.#secured.wire.hold();
    this.#wake?.();
  }

  /** The first reason counts. */
  #finish(how: Ending): void {
    if (this.#end === "open") this.#end = how;
    this.#wake?.();
  }

  #ending(how: Ending): null {
    if (how === "ended") return null;
    if (how !== "cut") throw how;
    // A server that does not accept a client's certificate can say so only after the client is done.
    const why = this.#hasReceived || this.#secured.role === "server"
      ? "the connection was cut"
      : "it closed the connection without a word: it is busy, or does not accept this side's " +
        "certificate (another authority, or not valid now)";
    throw new UnavailableError(why);
  }
}
