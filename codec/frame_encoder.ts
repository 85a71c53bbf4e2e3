/**
 * Encodes the log: events go in as they happen, a sealed frame comes out.
 *
 * An event is checked here and written into WASM memory as a record (src/wasm.rs draws it), its bytes behind those of
 * the events before; the codec takes over whole batches of records. So an event costs no call and no object.
 */
import { assert, DefectError } from "../base/assert.ts";
import {
  type LogClosing,
  type LogEvent,
  MAX_DATA_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_STATE_BYTES,
} from "./event.ts";
import { RawEncoder } from "./pkg/codec.js";
import { wasmBytes, wasmNumbers, wasmWords } from "./wasm_memory.ts";

/** How hard a frame is packed. */
export type Level =
  /** As fast as the guest's exits: predicted events, and LZ4. */
  | "fast"
  /** About a hundredth of that, for keeping: the same, modelled bit by bit. */
  | "dense";

/** How an encoder is to encode. */
export interface EncoderOptions {
  /** Frames in a chain; 1, the default, makes each stand for itself. */
  readonly chain?: number;
  /** `fast` unless said otherwise. */
  readonly level?: Level;
}

// Kinds as records have them: src/event.rs.
const TIME = 0;
const DATA = 1;
const STATE = 2;
const CONTROL = 3;
/** Bytes of a record, and records of a batch: src/wasm.rs. */
const RECORD_BYTES = 24;
const BATCH_RECORDS = 512;
/** The most bytes of a frame that an event takes which are not its own: src/encode.rs. */
const EVENT_OVERHEAD_BYTES = 24;
/** So many bytes are copied one by one. */
const FEW_BYTES = 24;
/** The most events in a frame: src/encode.rs. */
const MAX_EVENTS = 1 << 16;

/**
 * The open frame of a log.
 *
 * Every method throws {@link DefectError}, and changes nothing, when called with what the format
 * does not allow: points or clocks that go backwards, numbers that are not safe integers, more
 * bytes than the event or the frame has {@link room} for. Dispose of it when done.
 */
export class FrameEncoder implements Disposable {
  readonly #raw: RawEncoder;
  /** Where the batch lies, and where the bytes of the open frame's events do. */
  readonly #recordsAt: number;
  #bytesAt = 0;
  #bytesRoom = 0;
  #records = 0;
  #bytes = 0;
  #events = 0;
  // Points and clocks do not fall below these.
  #lastPoint = 0;
  #lastClockUs = 0;
  /** Frames that the chain has so far. */
  #chained = 0;

  readonly #chain: number;

  constructor({ chain = 1, level = "fast" }: EncoderOptions = {}) {
    assert(Number.isSafeInteger(chain) && chain >= 1, `a chain of ${chain} frames`);
    this.#chain = chain;
    this.#raw = new RawEncoder(Math.min(chain, 2 ** 32 - 1), level === "dense");
    this.#recordsAt = this.#raw.recordsAt();
  }

  /** How many events the open frame holds. */
  get eventCount(): number {
    return this.#events;
  }

  /** How long the payload will be at most. */
  get payloadBytes(): number {
    return this.#bytes + EVENT_OVERHEAD_BYTES * this.#events;
  }

  /** Whether any one event that carries `bytes` bytes fits the open frame. */
  room(bytes: number): boolean {
    return this.#events < MAX_EVENTS &&
      this.payloadBytes + bytes + EVENT_OVERHEAD_BYTES <= MAX_PAYLOAD_BYTES;
  }

  /** Appends: from `point` on, the machine's clock shows `clockUs` microseconds. */
  time(point: number, clockUs: number): void {
    if (!(clockUs >= this.#lastClockUs)) {
      refuse(`clock ${clockUs} us comes after clock ${this.#lastClockUs} us`);
    }
    if (!Number.isSafeInteger(clockUs)) refuse(`clock ${clockUs} us is not a safe integer`);
    this.#record(point, clockUs, TIME, 0);
    this.#lastClockUs = clockUs;
  }

  /** Appends: `bytes` arrive at `device` (u8). */
  data(point: number, device: number, bytes: Uint8Array): void {
    this.#carry(DATA, point, device, bytes, MAX_DATA_BYTES);
  }

  /** Appends: `bytes` of a `section` (u8) of a state transfer. */
  state(point: number, section: number, bytes: Uint8Array): void {
    this.#carry(STATE, point, section, bytes, MAX_STATE_BYTES);
  }

  /** Appends: the channel's own affair `code` (u8), with its `bytes`. */
  control(point: number, code: number, bytes: Uint8Array): void {
    this.#carry(CONTROL, point, code, bytes, MAX_DATA_BYTES);
  }

  /** Appends an event of any kind. */
  event(event: LogEvent): void {
    switch (event.kind) {
      case "time":
        return this.time(event.point, event.clockUs);
      case "data":
        return this.data(event.point, event.device, event.bytes);
      case "state":
        return this.state(event.point, event.section, event.bytes);
      case "control":
        return this.control(event.point, event.code, event.bytes);
    }
  }

  /** Seals the frame, returns a copy of it, and opens an empty one. */
  close(closing: LogClosing): Uint8Array<ArrayBuffer> {
    const { generation, sequence, through, exitsChecksum, outputsChecksum } = closing;
    assertU32(generation, "generation");
    assertU32(exitsChecksum, "exitsChecksum");
    assertU32(outputsChecksum, "outputsChecksum");
    assertSafe(sequence, "sequence");
    assertSafe(through, "through");
    if (through < this.#lastPoint) {
      refuse(`through ${through} lies before point ${this.#lastPoint}`);
    }
    this.#flush();
    const at = this.#raw.close(generation, sequence, through, exitsChecksum, outputsChecksum);
    if (at === 0) refuse(this.#raw.complaint());
    const frame = wasmBytes().slice(at, at + this.#raw.frameBytes());
    this.#bytes = this.#events = 0;
    this.#chained = (this.#chained + 1) % this.#chain;
    if (this.#chained === 0) this.#lastPoint = this.#lastClockUs = 0;
    else this.#lastPoint = through;
    return frame;
  }

  /** Frees the WASM memory behind it. */
  [Symbol.dispose](): void {
    this.#raw.free();
  }

  #carry(kind: number, point: number, selector: number, bytes: Uint8Array, most: number): void {
    const { length } = bytes;
    if (length > most) refuse(`${length} bytes, expected at most ${most}`);
    if ((selector & 0xff) !== selector) refuse(`selector ${selector} is not a u8`);
    this.#record(point, length, kind | selector << 8, length);
    const at = this.#bytes - length;
    if (this.#bytes > this.#bytesRoom) {
      this.#bytesAt = this.#raw.bytesAt(this.#bytes);
      this.#bytesRoom = this.#raw.bytesRoom();
    }
    const memory = wasmBytes();
    const target = this.#bytesAt + at;
    // A call that copies a few bytes takes longer than they do.
    if (length > FEW_BYTES) memory.set(bytes, target);
    else for (let index = 0; index < length; index++) memory[target + index] = bytes[index]!;
  }

  /** Writes a record of what is known to be right, but for its point and its size. */
  #record(point: number, value: number, tag: number, bytes: number): void {
    if (!(point >= this.#lastPoint)) refuse(`point ${point} comes after point ${this.#lastPoint}`);
    if (!Number.isSafeInteger(point)) refuse(`point ${point} is not a safe integer`);
    if (!this.room(bytes)) refuse(`no room in the frame for ${bytes} bytes`);
    if (this.#records === BATCH_RECORDS) this.#flush();
    const at = this.#recordsAt + RECORD_BYTES * this.#records++;
    const numbers = wasmNumbers();
    numbers[at >>> 3] = point;
    numbers[(at >>> 3) + 1] = value;
    wasmWords()[(at >>> 2) + 4] = tag;
    this.#lastPoint = point;
    this.#bytes += bytes;
    this.#events++;
  }

  #flush(): void {
    if (!this.#raw.take(this.#records)) refuse(this.#raw.complaint());
    this.#records = 0;
  }
}

function refuse(why: string): never {
  throw new DefectError(`can't encode: ${why}`);
}

function assertU32(value: number, what: string): void {
  if (value >>> 0 !== value) refuse(`${what} ${value} is not a u32`);
}

function assertSafe(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) refuse(`${what} ${value} is not a safe integer`);
}
