/**
 * Reads the log: a frame goes in and is proved as a whole, then its events come out.
 *
 * The codec leaves a record of each event in WASM memory (src/wasm.rs draws it), from where this side reads: so an
 * event costs no call, and no object unless the caller wants one.
 */
import { PeerError } from "../base/errors.ts";
import { MAX_FRAME_BYTES } from "./frame_header.ts";
import type { EventBytes, LogEvent, LogHeader } from "./event.ts";
import { RawDecoder } from "./pkg/codec.js";
import { wasmBytes, wasmNumbers, wasmWords } from "./wasm_memory.ts";

/** Bytes of a record: src/wasm.rs. */
const RECORD_BYTES = 32;
const KINDS = ["time", "data", "state", "control"] as const;

/**
 * Reads log frames, one after the other, each chain of them from its beginning. Dispose of it when done.
 *
 * An event is read either with {@link next}, which makes an object of it, or with {@link move} and the fields that are
 * named for what they say, which does not.
 */
export class FrameDecoder implements Disposable {
  readonly #raw = new RawDecoder();
  readonly #headAt = this.#raw.headAt();
  /** Where what the events carry is. */
  #carriedAt = 0;
  /** The current event's record; before the first, the one before it. */
  #at = 0;
  #left = 0;

  /**
   * Checks all of a log frame (header, length, CRC32C, every event) and puts the cursor before its first event. The
   * frame is copied: the caller may reuse its buffer.
   *
   * @throws {PeerError} with offset and reason; there are no events then, and what continues the chain is refused
   */
  open(frame: Uint8Array): LogHeader {
    this.#left = 0;
    if (frame.length > MAX_FRAME_BYTES) {
      // It is not copied, but refused as no frame at all, so that nothing continues what came before it.
      this.#raw.place(0);
      this.#raw.open();
      throw new PeerError(
        `bad frame: ${frame.length} bytes, expected at most ${MAX_FRAME_BYTES}`,
      );
    }
    const at = this.#raw.place(frame.length);
    wasmBytes().set(frame, at);
    if (!this.#raw.open()) throw new PeerError(this.#raw.complaint());
    const head = wasmNumbers();
    const first = this.#headAt >>> 3;
    const eventCount = head[first + 5]!;
    this.#at = head[first + 6]! - RECORD_BYTES;
    this.#carriedAt = head[first + 7]!;
    this.#left = eventCount;
    return {
      generation: head[first]!,
      sequence: head[first + 1]!,
      through: head[first + 2]!,
      exitsChecksum: head[first + 3]!,
      outputsChecksum: head[first + 4]!,
      eventCount,
    };
  }

  /** Moves the cursor to the next event. @returns whether there is one */
  move(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.#at += RECORD_BYTES;
    return true;
  }

  /** The current event's kind. */
  get kind(): LogEvent["kind"] {
    return KINDS[this.#tag & 3]!;
  }

  /** The current event's execution point. */
  get point(): number {
    return this.#u64(0);
  }

  /** What the clock shows from the current event on, which is a time event. */
  get clockUs(): number {
    return this.#u64(8);
  }

  /** The current event's device, section or code. */
  get selector(): number {
    return this.#tag >>> 8;
  }

  /** How many bytes the current event carries; 0 of a time event. */
  get byteLength(): number {
    return this.#word(24);
  }

  /** The bytes that the current event carries, in WASM memory: good until anything else is asked of the codec. */
  get bytes(): Uint8Array<ArrayBuffer> {
    const at = this.#carriedAt + this.#word(20);
    return wasmBytes().subarray(at, at + this.byteLength);
  }

  /** What the current event takes of its frame. */
  get eventBytes(): EventBytes {
    const sizes = this.#word(28);
    return { overheadBytes: sizes & 0xff, payloadBytes: sizes >>> 8 };
  }

  /** Moves the cursor to the next event and makes an object of it; `undefined` at the end. */
  next(): LogEvent | undefined {
    if (!this.move()) return undefined;
    const { point, kind } = this;
    if (kind === "time") return { kind, point, clockUs: this.clockUs };
    const bytes = this.bytes.slice();
    const { selector } = this;
    if (kind === "data") return { kind, point, device: selector, bytes };
    if (kind === "state") return { kind, point, section: selector, bytes };
    return { kind, point, code: selector, bytes };
  }

  /** Frees the WASM memory behind it. */
  [Symbol.dispose](): void {
    this.#raw.free();
  }

  get #tag(): number {
    return this.#word(16);
  }

  /** The current record's field at `offset`. */
  #word(offset: number): number {
    return wasmWords()[(this.#at + offset) >>> 2]!;
  }

  /** The same of a field that is a safe integer. */
  #u64(offset: number): number {
    const words = wasmWords();
    const at = (this.#at + offset) >>> 2;
    return words[at]! + words[at + 1]! * 2 ** 32;
  }
}
