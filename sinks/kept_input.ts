/**
 * Console input on the client: kept until it is committed, so that it can be sent again to another server.
 *
 * Numbered by the stream's offset from the first server's `inputNext` on. Nothing is sent before the first
 * INPUT-ACK of a connection, and nothing beyond 64 KiB after the last one: then `append` takes no
 * more, and whoever reads standard input waits. Only `console_client.ts` uses this.
 */
import { PeerError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { consoleInputBytes } from "../base/limits.ts";
import { maxStreamBytes } from "./console_protocol.ts";

/** See the top of the file. */
export class KeptInput {
  readonly #buffer: Bytes = new Uint8Array(consoleInputBytes);
  #length = 0;
  /** The offset of the first kept byte; counted from 0 until the first server has numbered it. */
  #base = 0;
  #numbered = false;
  /** What the server at hand has been sent, and what it may be sent. */
  #sent = 0;
  #windowEnd = 0;

  /** How many bytes are kept. */
  get length(): number {
    return this.#length;
  }

  /** Adds what fits; returns how much that is. */
  append(bytes: Uint8Array): number {
    const part = bytes.subarray(0, this.#buffer.length - this.#length);
    this.#buffer.set(part, this.#length);
    this.#length += part.length;
    return part.length;
  }

  /**
   * Goes on with a server that has accepted everything below `inputNext`.
   *
   * Below what is kept, none of ours was ever committed, and what another client had sent was lost with
   * the server that had accepted it: ours moves down.
   */
  attach(inputNext: number): void {
    if (!this.#numbered || inputNext < this.#base) this.#base = inputNext;
    else if (inputNext > this.#base + this.#length) this.#drop(inputNext);
    this.#numbered = true;
    this.#sent = inputNext;
    this.#windowEnd = 0;
  }

  /** All below `offset` is committed. @throws PeerError if it was never sent */
  acknowledged(offset: number): void {
    if (offset > this.#sent) {
      throw new PeerError(`console: input acknowledged to ${offset} of ${this.#sent}`);
    }
    this.#drop(offset);
    this.#windowEnd = offset + consoleInputBytes;
  }

  /** What is to be sent next; undefined if there is nothing, or it may not be sent yet. */
  next(): { readonly offset: number; readonly bytes: Bytes } | undefined {
    const offset = this.#sent;
    const end = Math.min(this.#base + this.#length, this.#windowEnd, offset + maxStreamBytes);
    if (end <= offset) return undefined;
    this.#sent = end;
    return { offset, bytes: this.#buffer.slice(offset - this.#base, end - this.#base) };
  }

  #drop(offset: number): void {
    if (offset <= this.#base) return;
    const count = Math.min(this.#length, offset - this.#base);
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#base = offset;
  }
}
