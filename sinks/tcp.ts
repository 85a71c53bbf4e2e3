/**
 * The sink `tcp:ADDR`: a raw console for nc and terminals, which listens. Best effort, by its nature:
 * readers get the bytes from when they connect, nobody knows what they have seen, and what was on its
 * way at a takeover may be lost or come twice. `console:ADDR` is the one that knows.
 *
 * Up to 64 readers. One that falls behind by a bounded queue is dropped; nobody ever holds the guest up.
 * Any of them may type: input is taken as it comes.
 */
import type { Bytes } from "../base/layout.ts";
import { consolePingMs, readerChunkBytes, readerCount, readerQueueBytes } from "../base/limits.ts";
import { formatAddress, parseAddress } from "../link/address.ts";
import type { ByteStream } from "../link/byte_stream.ts";
import { type Door, openDoor } from "../link/door.ts";
import type { Security } from "../link/security.ts";
import { SendQueue } from "../link/send_queue.ts";
import { type SetTimer, wallTimer } from "../link/timer.ts";
import { InputQueue } from "./input_queue.ts";
import { NoneSink } from "./none.ts";

/** What can be set for a raw console. */
export interface TcpSinkOptions {
  /** Told, in a line, what people should know. */
  readonly notice?: (text: string) => void;
  /** How connections are protected; default: not at all, and on loopback addresses only. */
  readonly security?: Security;
  /** Time. */
  readonly setTimer?: SetTimer;
}

interface Reader {
  readonly connection: ByteStream;
  readonly queue: SendQueue;
}

/** See the top of the file. */
export class TcpSink extends NoneSink {
  /** The interface's `address`. */
  override readonly address: string;
  readonly #door: Door<ByteStream>;
  readonly #readers = new Set<Reader>();
  readonly #input = new InputQueue();
  readonly #accepting: Promise<void>;
  readonly #setTimer: SetTimer;
  readonly #live = Promise.withResolvers<void>();

  /**
   * Listens from now on.
   * @param address where to listen, `HOST:PORT`
   * @throws UsageError, UnavailableError if it can't
   */
  constructor(spec: string, address: string, options: TcpSinkOptions = {}) {
    super(spec);
    this.#setTimer = options.setTimer ?? wallTimer;
    this.#door = openDoor(parseAddress(address), options);
    this.address = this.#door.address;
    this.#accepting = this.#accept().catch((cause: Error) =>
      options.notice?.(`sink ${spec} takes no more readers: ${cause.message}`)
    );
  }

  /** How many readers there are. */
  get readers(): number {
    return this.#readers.size;
  }

  /** The interface's `perform`. */
  override perform(_offset: number, bytes: Bytes): Promise<void> {
    if (this.#readers.size > 0) {
      const kept = bytes.slice();
      for (const { queue } of this.#readers) void queue.push(kept);
    }
    return Promise.resolve();
  }

  /** The interface's `goLive`. */
  override goLive(): Promise<void> {
    this.#live.resolve();
    return Promise.resolve();
  }

  /** The interface's `readInput`. */
  override readInput(): Promise<Bytes | undefined> {
    return this.#input.read();
  }

  /** The interface's `end`. */
  override async end(): Promise<void> {
    this.#input.end();
    const late = Promise.withResolvers<void>();
    const cancel = this.#setTimer(consolePingMs, late.resolve);
    const goodbyes = Array.from(this.#readers, async ({ queue, connection }) => {
      await queue.flushed();
      await connection.closeWrite().catch(() => {}); // Gone, or dropped meanwhile.
    });
    await Promise.race([Promise.all(goodbyes), late.promise]);
    cancel();
  }

  /** The interface's `close`. */
  override async close(): Promise<void> {
    this.#input.end();
    this.#live.resolve();
    this.#door.close();
    for (const reader of this.#readers) this.#drop(reader);
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    for (;;) {
      const connection = await this.#door.accept();
      if (connection === undefined) return;
      if (this.#readers.size >= readerCount) {
        connection.close();
        continue;
      }
      const reader: Reader = {
        connection,
        queue: new SendQueue(connection, {
          peer: formatAddress(connection.remoteAddr),
          limitBytes: readerQueueBytes,
          onFailure: () => this.#drop(reader),
        }),
      };
      this.#readers.add(reader);
      void this.#read(reader);
    }
  }

  /** Reads what one reader types, not faster than the machine takes it. */
  async #read(reader: Reader): Promise<void> {
    await this.#live.promise;
    const buffer = new Uint8Array(readerChunkBytes);
    try {
      for (let count; (count = await reader.connection.read(buffer)) !== null;) {
        await this.#input.push(buffer.slice(0, count));
      }
    } catch {
      this.#drop(reader);
    }
  }

  #drop(reader: Reader): void {
    if (this.#readers.delete(reader)) reader.connection.close();
  }
}
