/**
 * Connections of the wire campaign: what `Deno.listen` and `Deno.connect` would give, inside of this process. What
 * is fed comes out of `read` in pieces, and it can be told when all of it has been taken.
 *
 * The links, readers and queues on top of them are the real ones. Called by the wire_*.ts beside it.
 */
import type { Bytes } from "../../base/layout.ts";
import type { ByteStream } from "../../link/byte_stream.ts";

/** Microtasks that one piece of a message may take: a hundred times what the longest way through takes. */
const TURNS_PER_PIECE = 2000;
/** Microtasks after which all that follows from a closed connection has happened. */
const TURNS_AFTER_CLOSING = 60;

/** The near end of a connection, as the links see it; the far end is the campaign. */
export class WireConnection implements ByteStream {
  readonly remoteAddr = { transport: "tcp", hostname: "peer", port: 1 } as const;
  /** Bytes that this side has written. */
  writtenBytes = 0;
  readonly #unread: Bytes[] = [];
  #pieceBytes = Infinity;
  #reading:
    | { into: Bytes; resolve: (count: number | null) => void; reject: (why: Error) => void }
    | undefined;
  #isEnded = false;
  #isClosed = false;
  #flowing: PromiseWithResolvers<void> | undefined;

  /** The near end has closed it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The near end reads no more, though what it has sent still waits. */
  isLeft = false;

  /** All that was fed has been taken, and the near end waits for more; or it has closed. */
  get isIdle(): boolean {
    return this.#isClosed || this.isLeft ||
      (this.#unread.length === 0 && this.#reading !== undefined);
  }

  /** A client makes its connection by itself, and takes it for one of Deno's. */
  setNoDelay(): void {}

  read(into: Bytes): Promise<number | null> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("closed"));
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    this.#reading = { into, resolve, reject };
    this.#serve();
    return promise;
  }

  async write(bytes: Bytes): Promise<number> {
    await this.#flowing?.promise;
    if (this.#isClosed) throw new Deno.errors.BadResource("closed");
    this.writtenBytes += bytes.length;
    return bytes.length;
  }

  /** The far end answers that with its own end. */
  async closeWrite(): Promise<void> {
    await this.#flowing?.promise;
    this.end();
  }

  close(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("closed twice");
    this.#isClosed = true;
    this.#flowing?.resolve();
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.reject(new Deno.errors.BadResource("closed"));
  }

  /** The far end sends bytes; they are read in pieces of at most `pieceBytes`. */
  feed(bytes: Bytes, pieceBytes: number): void {
    if (this.#isClosed || this.#isEnded || bytes.length === 0) return;
    this.#pieceBytes = Math.max(1, pieceBytes);
    this.#unread.push(bytes);
    this.#serve();
  }

  /** The far end sends no more. */
  end(): void {
    this.#isEnded = true;
    this.#serve();
  }

  /** The far end takes nothing in any more, or again. */
  stall(isStalled: boolean): void {
    this.#flowing?.resolve();
    this.#flowing = isStalled && !this.#isClosed ? Promise.withResolvers() : undefined;
  }

  /**
   * Resolves once this side has done all that it does about what was fed.
   * @throws Error when that takes more turns than it can: a hang
   */
  async settled(bytes: number): Promise<void> {
    const limit = TURNS_PER_PIECE * (1 + Math.ceil(bytes / Math.min(this.#pieceBytes, bytes + 1)));
    for (let turn = 0; !this.isIdle; turn++) {
      if (turn > limit) throw new Error(`not taken in after ${turn} turns: ${bytes} bytes`);
      await null;
    }
    if (this.#isClosed) await turns();
  }

  #serve(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    const first = this.#unread[0];
    if (first === undefined) {
      if (!this.#isEnded) return;
      this.#reading = undefined;
      return reading.resolve(null);
    }
    this.#reading = undefined;
    const count = Math.min(first.length, reading.into.length, this.#pieceBytes);
    reading.into.set(first.subarray(0, count));
    if (count === first.length) this.#unread.shift();
    else this.#unread[0] = first.subarray(count);
    reading.resolve(count);
  }
}

/** Lets all that waits for nothing but a turn happen. */
export async function turns(count = TURNS_AFTER_CLOSING): Promise<void> {
  for (let turn = 0; turn < count; turn++) await null;
}

/** Where connections arrive, as `Deno.listen` gives it. */
export class WireListener {
  readonly addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  #accepting: PromiseWithResolvers<WireConnection> | undefined;
  #isClosed = false;

  accept(): Promise<WireConnection> {
    this.#accepting = Promise.withResolvers();
    if (this.#isClosed) this.#accepting.reject(new Deno.errors.BadResource("closed"));
    return this.#accepting.promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#accepting?.reject(new Deno.errors.BadResource("closed"));
  }

  /** A connection comes in. */
  async connect(): Promise<WireConnection> {
    const connection = new WireConnection();
    this.#accepting!.resolve(connection);
    await turns(20);
    return connection;
  }
}
