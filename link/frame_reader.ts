/**
 * Cuts a stream of bytes into frames.
 *
 * Small frames, which are what latency hangs on, come out of one buffer that is filled with as few
 * reads as the stream allows; the rest of a large frame is read to where it will stay. A length is
 * checked before anything is allocated for it.
 *
 * Only `tcp.ts` uses it.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { linkBufferBytes } from "../base/limits.ts";
import type { Bytes } from "../base/layout.ts";
import type { Framing } from "./link.ts";

/** Where bytes come from: as `Deno.Conn` has it. */
export interface ByteReader {
  /** Reads at least a byte; resolves to how many, or to null at the end. */
  read(into: Bytes): Promise<number | null>;
}

/** See the top of the file. */
export class FrameReader {
  readonly #reader: ByteReader;
  readonly #framing: Framing;
  readonly #buffer: Bytes = new Uint8Array(linkBufferBytes);
  /** What has been read and not yet been given: `#buffer[#start..#end)`. */
  #start = 0;
  #end = 0;
  #isFresh = true;

  /** Takes nothing over. @param framing its header must fit in the buffer */
  constructor(reader: ByteReader, framing: Framing) {
    assert(
      framing.headerBytes <= linkBufferBytes,
      `header of ${framing.headerBytes} bytes, buffer of ${linkBufferBytes}`,
    );
    this.#reader = reader;
    this.#framing = framing;
  }

  /** The next frame, in an array of its own; undefined at an end between two frames.
   * @throws PeerError, and what the reader throws */
  async next(): Promise<Bytes | undefined> {
    const { headerBytes, maxPayloadBytes } = this.#framing;
    if (!await this.#fill(headerBytes)) return undefined;
    const header = this.#buffer.subarray(this.#start, this.#start + headerBytes);
    const { payloadBytes } = this.#framing.readHeader(header);
    if (payloadBytes > maxPayloadBytes) {
      throw new PeerError(`a frame's payload is ${payloadBytes} bytes, limit ${maxPayloadBytes}`);
    }
    const frame = new Uint8Array(headerBytes + payloadBytes);
    const here = Math.min(frame.length, this.#end - this.#start);
    frame.set(this.#buffer.subarray(this.#start, this.#start + here));
    this.#start += here;
    for (let at = here; at < frame.length;) {
      at += await this.#reader.read(frame.subarray(at)) ?? truncated(at, frame.length);
    }
    return frame;
  }

  /** Reads until the buffer holds `bytes`; false if the stream ends before the first of them. */
  async #fill(bytes: number): Promise<boolean> {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
    } else if (this.#start + bytes > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end - this.#start < bytes) {
      const count = await this.#reader.read(this.#buffer.subarray(this.#end));
      if (count === null && this.#start === this.#end) return false;
      this.#end += count ?? truncated(this.#end - this.#start, bytes);
      if (this.#isFresh) refuseTls(this.#buffer.subarray(0, this.#end));
      this.#isFresh = false;
    }
    return true;
  }
}

/** A TLS port that is spoken to in the clear answers with an alert: a record of type 21, version 3.x. */
function refuseTls(first: Bytes): void {
  if (first[0] === 21 && first[1] === 3) {
    throw new PeerError("the other end speaks TLS: give this side the pair's keys with --keys");
  }
}

function truncated(got: number, wanted: number): never {
  throw new PeerError(`the stream ends inside of a frame: ${got} bytes of ${wanted}`);
}
