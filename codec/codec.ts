/**
 * The frames of the logging channel: the TypeScript face of the Rust codec in `src/`.
 *
 * Encoding and checking happen in WASM, because every byte of the log goes through here; a call
 * crosses with numbers only, and bytes are copied once, straight into or out of WASM memory. Each
 * thread that imports this file gets an instance of its own, without an `await`. The recorder
 * encodes, the replayer decodes, the protocol seals and opens messages, the link validates headers
 * before it allocates.
 *
 * All numbers are little-endian. A frame is a header and a payload:
 *
 * ```text
 *        0        4    5    6      8        12       16           20
 *        ┌────────┬────┬────┬──────┬────────┬────────┬────────────┬────────────┐
 *        │ "USTY" │ver │kind│flags │payload │crc32c  │ generation │event count │
 *        │        │ 1  │    │  0   │ bytes  │        │            │            │
 *     24 ├────────┴────┴────┴──────┴─┬──────┴────────┴────────┬───┴────────────┘
 *        │ sequence              u64 │ through            u64 │ 40
 *     40 ├───────────────────────────┼────────────────────────┤
 *        │ exits checksum        u64 │ outputs checksum   u64 │ 56
 *     56 ├───────────────────────────┴────────────────────────┤
 *        │ payload: at most 1 MiB                             │
 *        └────────────────────────────────────────────────────┘
 * ```
 *
 * Kind 1 is the log: its payload is a span and the events, as `src/lib.rs` draws them. Kinds 2 to
 * 255 are messages: payload opaque, event count and checksums 0. crc32c covers header (this field
 * as 0) and payload. sequence and through are at most 2^53 - 1. The guest memory that a state event
 * carries is encoded by pages.ts.
 */
import { assert, DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { crc32c as rawCrc32c, RawDecoder, RawEncoder, wasmMemory } from "./pkg/codec.js";

/** Bytes in front of every payload. */
export const HEADER_BYTES = 56;
/** The longest payload. */
export const MAX_PAYLOAD_BYTES = 1 << 20;
/** The most bytes that a data or a control event carries. */
export const MAX_DATA_BYTES = 64 << 10;
/** The most bytes that a state event carries. */
export const MAX_STATE_BYTES = 256 << 10;

/** The kinds of frame that the codec knows; the protocol names the rest, 2 to 255. */
export const FrameKind = { log: 1 } as const;

/** Something non-deterministic that entered the machine at an execution point. */
export type LogEvent =
  /** From here on the machine's clock shows `clockUs` microseconds. */
  | { kind: "time"; point: number; clockUs: number }
  /** Bytes arrive at a device; at most {@link MAX_DATA_BYTES}. */
  | { kind: "data"; point: number; device: number; bytes: Uint8Array<ArrayBuffer> }
  /** A section of a state transfer; at most {@link MAX_STATE_BYTES}. */
  | { kind: "state"; point: number; section: number; bytes: Uint8Array<ArrayBuffer> }
  /** The channel's own affairs; at most {@link MAX_DATA_BYTES}. */
  | { kind: "control"; point: number; code: number; bytes: Uint8Array<ArrayBuffer> };

/** What the sender of a log frame says about it. */
export interface LogClosing {
  /** The number of the reign that the sender acts in, u32. */
  generation: number;
  /** The frame's number on its channel. */
  sequence: number;
  /** The execution point up to which the log is complete. */
  through: number;
  /** Running checksum of the exit sequence, u64. */
  exitsChecksum: bigint;
  /** Running checksum of the outputs, u64. */
  outputsChecksum: bigint;
}

/** What the sender of a message says about it. */
export type MessageClosing = Pick<LogClosing, "generation" | "sequence" | "through">;

/** What a header says, once validated. In a message, event count and checksums are 0. */
export interface FrameHeader extends LogClosing {
  /** {@link FrameKind.log}, or a message's kind, 2 to 255. */
  kind: number;
  /** How many bytes follow the header; at most {@link MAX_PAYLOAD_BYTES}. */
  payloadBytes: number;
  /** How many events the payload holds. */
  eventCount: number;
}

// What `RawEncoder.bytes` calls the kinds; `RawDecoder.next` says one more, because 0 is its end.
const CARRIER_DATA = 1;
const CARRIER_STATE = 2;
const CARRIER_CONTROL = 3;

const memory: WebAssembly.Memory = wasmMemory();
let cachedView = new Uint8Array(memory.buffer as ArrayBuffer);

/** WASM memory. Growing detaches the buffer, so nobody may keep this over a call into WASM. */
function view(): Uint8Array<ArrayBuffer> {
  if (cachedView.byteLength === 0) cachedView = new Uint8Array(memory.buffer as ArrayBuffer);
  return cachedView;
}

/** The CRC32C of what `seed` is the CRC32C of, followed by `bytes`; seed 0 starts afresh. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = seed;
  // In pieces, because WASM memory never shrinks again.
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
    crc = rawCrc32c(crc, bytes.subarray(at, at + MAX_PAYLOAD_BYTES));
  }
  return crc >>> 0;
}

/**
 * The open frame of a log: events go in as they happen, a sealed frame comes out.
 *
 * Every method throws {@link DefectError}, and changes nothing, when called with what the format
 * does not allow: points or clocks that go backwards, numbers that are not safe integers, more
 * bytes than the event or the frame has {@link room} for. Dispose of it when done.
 */
export class FrameEncoder implements Disposable {
  readonly #raw = new RawEncoder();

  /** How many events the open frame holds. */
  get eventCount(): number {
    return this.#raw.eventCount();
  }

  /** How long the payload will be at most: what precedes the events takes 1 to 8 bytes. */
  get payloadBytes(): number {
    return this.#raw.payloadBytes();
  }

  /** Whether any one event that carries `bytes` bytes fits the open frame. */
  room(bytes: number): boolean {
    return this.#raw.room(bytes);
  }

  /** Appends: from `point` on, the machine's clock shows `clockUs` microseconds. */
  time(point: number, clockUs: number): void {
    if (!this.#raw.time(point, clockUs)) this.#refuse(`time event at point ${point}`);
  }

  /** Appends: `bytes` arrive at `device` (u8). */
  data(point: number, device: number, bytes: Uint8Array): void {
    this.#carry(CARRIER_DATA, point, device, bytes);
  }

  /** Appends: `bytes` of a `section` (u8) of a state transfer. */
  state(point: number, section: number, bytes: Uint8Array): void {
    this.#carry(CARRIER_STATE, point, section, bytes);
  }

  /** Appends: the channel's own affair `code` (u8), with its `bytes`. */
  control(point: number, code: number, bytes: Uint8Array): void {
    this.#carry(CARRIER_CONTROL, point, code, bytes);
  }

  /** Seals the frame, returns a copy of it, and opens an empty one. */
  close(closing: LogClosing): Uint8Array<ArrayBuffer> {
    const { generation, sequence, through, exitsChecksum, outputsChecksum } = closing;
    assertU64(exitsChecksum, "exitsChecksum");
    assertU64(outputsChecksum, "outputsChecksum");
    const at = this.#raw.close(generation, sequence, through, exitsChecksum, outputsChecksum);
    if (at === 0) {
      this.#refuse(`frame of generation ${generation}, sequence ${sequence}, through ${through}`);
    }
    const frame = view().slice(at, at + this.#raw.frameBytes());
    this.#raw.reset();
    return frame;
  }

  /** Frees the WASM memory behind it. */
  [Symbol.dispose](): void {
    this.#raw.free();
  }

  #carry(carrier: number, point: number, selector: number, bytes: Uint8Array): void {
    const at = this.#raw.bytes(carrier, point, selector, bytes.length);
    if (at === 0) this.#refuse(`event at point ${point} with selector ${selector}`);
    view().set(bytes, at);
  }

  #refuse(what: string): never {
    throw new DefectError(`can't encode ${what}: ${this.#raw.complaint()}`);
  }
}

/** Reads log frames, one after the other. Dispose of it when done. */
export class FrameDecoder implements Disposable {
  readonly #raw = new RawDecoder();

  /**
   * Checks all of a log frame (header, length, CRC32C, every event) and makes its first event the
   * next one. The frame is copied: the caller may reuse its buffer.
   *
   * @throws {PeerError} with offset and reason; there are no events then
   */
  open(frame: Uint8Array): FrameHeader {
    place(this.#raw, frame);
    if (!this.#raw.openLog()) throw new PeerError(this.#raw.complaint());
    return headerOf(this.#raw);
  }

  /** The next event of the frame that was opened last; `undefined` at its end. */
  next(): LogEvent | undefined {
    const raw = this.#raw;
    const carrier = raw.next() - 1;
    if (carrier < 0) return undefined;
    const point = raw.point();
    if (carrier === 0) return { kind: "time", point, clockUs: raw.value() };
    const at = raw.bytesAt();
    const bytes = view().slice(at, at + raw.bytesLength());
    if (carrier === CARRIER_DATA) return { kind: "data", point, device: raw.value(), bytes };
    if (carrier === CARRIER_STATE) return { kind: "state", point, section: raw.value(), bytes };
    return { kind: "control", point, code: raw.value(), bytes };
  }

  /** Frees the WASM memory behind it. */
  [Symbol.dispose](): void {
    this.#raw.free();
  }
}

// Calls that keep nothing share these, for the life of the thread.
const sharedEncoder = new RawEncoder();
const sharedDecoder = new RawDecoder();

/**
 * Validates the header at the front of `bytes` (magic, version, flags, lengths, safe integers)
 * without looking at what follows: a receiver learns how much to allocate, and that it is bounded.
 * Only opening the whole frame checks the CRC32C.
 *
 * @throws {PeerError} with offset, what was found, what was expected
 */
export function readHeader(bytes: Uint8Array): FrameHeader {
  place(sharedDecoder, bytes.subarray(0, HEADER_BYTES));
  if (!sharedDecoder.readHeader()) throw new PeerError(sharedDecoder.complaint());
  return headerOf(sharedDecoder);
}

/**
 * Seals a message of the channel, other than the log.
 *
 * @param kind 2 to 255
 * @param payload at most {@link MAX_PAYLOAD_BYTES}
 * @throws {DefectError} when one of them is something else
 */
export function sealMessage(
  kind: number,
  closing: MessageClosing,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { generation, sequence, through } = closing;
  assert(
    payload.length <= MAX_PAYLOAD_BYTES,
    `a message of ${payload.length} bytes, expected at most ${MAX_PAYLOAD_BYTES}`,
  );
  const frame = sharedEncoder.sealMessage(kind, generation, sequence, through, payload);
  if (frame === undefined) {
    throw new DefectError(`can't seal a message of kind ${kind}: ${sharedEncoder.complaint()}`);
  }
  return frame as Uint8Array<ArrayBuffer>;
}

/**
 * Checks all of a message's frame and returns its header and a copy of its payload.
 *
 * @throws {PeerError} with offset and reason
 */
export function openMessage(
  frame: Uint8Array,
): { header: FrameHeader; payload: Uint8Array<ArrayBuffer> } {
  const at = place(sharedDecoder, frame);
  if (!sharedDecoder.openMessage()) throw new PeerError(sharedDecoder.complaint());
  const payload = view().slice(at + HEADER_BYTES, at + frame.length);
  return { header: headerOf(sharedDecoder), payload };
}

/** Copies a frame into WASM memory, so that what is checked is what is read, and says where. */
function place(raw: RawDecoder, frame: Uint8Array): number {
  if (frame.length > HEADER_BYTES + MAX_PAYLOAD_BYTES) {
    throw new PeerError(
      `bad frame: ${frame.length} bytes, expected at most ${HEADER_BYTES + MAX_PAYLOAD_BYTES}`,
    );
  }
  const at = raw.place(frame.length);
  view().set(frame, at);
  return at;
}

function headerOf(raw: RawDecoder): FrameHeader {
  return {
    kind: raw.kind(),
    payloadBytes: raw.payloadBytes(),
    generation: raw.generation(),
    eventCount: raw.eventCount(),
    sequence: raw.sequence(),
    through: raw.through(),
    exitsChecksum: raw.exitsChecksum(),
    outputsChecksum: raw.outputsChecksum(),
  };
}

function assertU64(value: bigint, what: string): void {
  if (BigInt.asUintN(64, value) !== value) throw new DefectError(`${what} is ${value}, not a u64`);
}
