/**
 * A bounded queue in front of a connection that is slower than its producers.
 *
 * What is pushed in one tick goes out in one write where it is small: a log frame, an output-done
 * notice and a heartbeat are then one segment and one wake-up of the peer. Large frames are written from
 * where they lie.
 *
 * `tcp.ts` sends through it, and so does sinks/ for its raw readers.
 */
import { UnavailableError } from "../base/errors.ts";
import { linkBufferBytes } from "../base/limits.ts";
import type { Bytes } from "../base/layout.ts";

/** What the queue feeds: as `Deno.Conn` has it. */
export interface ByteWriter {
  /** Writes a first part, at least a byte; resolves to its length. */
  write(bytes: Bytes): Promise<number>;
}

interface Entry {
  readonly bytes: Bytes;
  resolve(): void;
  reject(error: Error): void;
}

/** Who a queue belongs to. */
export interface QueueOwner {
  /** The other end, for messages. */
  readonly peer: string;
  /** What may wait at most, in bytes. */
  readonly limitBytes: number;
  /** Called once: a write has failed (`broken`), or more was to wait than may (`full`). */
  onFailure(how: "broken" | "full"): void;
}

/** See the top of the file. */
export class SendQueue {
  readonly #writer: ByteWriter;
  readonly #owner: QueueOwner;
  #entries: Entry[] = [];
  #queuedBytes = 0;
  #draining: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Where small frames are gathered; made when it is first needed. */
  #gathered: Bytes | undefined;

  /** Takes nothing over: the owner closes the writer. */
  constructor(writer: ByteWriter, owner: QueueOwner) {
    this.#writer = writer;
    this.#owner = owner;
  }

  /** What waits, or is being written, in bytes. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queues bytes, which must not change until the promise resolves: when they are written. It rejects
   * with UnavailableError when the queue has failed, which who does not care may ignore. */
  push(bytes: Bytes): Promise<void> {
    const { peer, limitBytes } = this.#owner;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {});
    if (this.#failure === undefined && this.#queuedBytes + bytes.length > limitBytes) {
      const sum = `${this.#queuedBytes} + ${bytes.length} bytes wait, limit ${limitBytes}`;
      this.#fail(new UnavailableError(`${peer} does not take what is sent to it: ${sum}`), "full");
    }
    if (this.#failure === undefined) {
      this.#entries.push({ bytes, resolve, reject });
      this.#queuedBytes += bytes.length;
      // Begins in a microtask: what else is sent in this tick joins the first write.
      this.#draining ??= Promise.resolve().then(() => this.#drain());
    } else {
      reject(this.#failure);
    }
    return promise;
  }

  /** Resolves when nothing waits any more: written, or failed. */
  async flushed(): Promise<void> {
    await this.#draining;
  }

  /** Rejects what waits, and everything from now on. */
  close(why: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = why;
    const entries = this.#entries;
    this.#entries = [];
    this.#queuedBytes = 0;
    for (const entry of entries) entry.reject(why);
  }

  #fail(error: Error, how: "broken" | "full"): void {
    if (this.#failure !== undefined) return;
    this.close(error);
    this.#owner.onFailure(how);
  }

  async #drain(): Promise<void> {
    while (this.#entries.length > 0) {
      const { count, bytes } = this.#gather();
      try {
        for (let at = 0; at < bytes.length;) at += await this.#writer.write(bytes.subarray(at));
      } catch (cause) {
        const why = `the connection broke: ${(cause as Error).message}`;
        this.#fail(new UnavailableError(`${this.#owner.peer}: ${why}`, { cause }), "broken");
      }
      // A failure while the write was under way has emptied the queue.
      for (const entry of this.#entries.splice(0, count)) {
        this.#queuedBytes -= entry.bytes.length;
        entry.resolve();
      }
    }
    this.#draining = undefined;
  }

  /** The next write: a single entry, or as many as fit in the buffer. */
  #gather(): { count: number; bytes: Bytes } {
    const first = this.#entries[0]!.bytes;
    const second = this.#entries[1]?.bytes;
    if (second === undefined || first.length + second.length > linkBufferBytes) {
      return { count: 1, bytes: first };
    }
    const gathered = this.#gathered ??= new Uint8Array(linkBufferBytes);
    let count = 0;
    let end = 0;
    for (const { bytes } of this.#entries) {
      if (end + bytes.length > gathered.length) break;
      gathered.set(bytes, end);
      end += bytes.length;
      count++;
    }
    return { count, bytes: gathered.subarray(0, end) };
  }
}
