/**
 * The log's format decoded a second time, in plain TypeScript, written from docs/LOG-FORMAT.md alone and apart from
 * the Rust code: short rather than fast. Called by the tests that compare the two.
 */
import { ByteReader, must, safe } from "./reference_bytes_test_support.ts";
import {
  Context,
  FORM_BYTES,
  kindOf,
  type Prediction,
  type Shape,
} from "./reference_context_test_support.ts";
import { decodeDense, DenseModel, learnDense } from "./reference_dense_test_support.ts";
import {
  crcIn,
  MAX_REFERENCE_PAYLOAD_BYTES,
  openReference,
} from "./reference_frame_test_support.ts";
import { unpackLz4 } from "./reference_lz4_test_support.ts";
import { NETWORK_FORM, readNetworkFrame } from "./reference_network_test_support.ts";
import { HEADERS_BYTES } from "./reference_tcp_test_support.ts";
import type { Level, LogEvent, LogHeader } from "./codec.ts";

const MAX_EVENTS = 65_536;
const MAX_EVENTS_BYTES = 2 ** 20;
const MAX_DATA_BYTES = 65_536;
const MAX_STATE_BYTES = 262_144;

/** What a log frame says. */
export interface ReferenceLog {
  readonly header: LogHeader;
  readonly events: LogEvent[];
}

/** What goes over from a frame to the one that continues it. */
interface ChainState {
  readonly level: Level;
  readonly crc: number;
  readonly context: Context;
  readonly model: DenseModel | undefined;
}

/** Reads log frames, one after the other. */
export class ReferenceDecoder {
  #chain: ChainState | undefined;

  /** Reads a frame. @throws {ReferenceRefusal} what continues the chain is refused as well, then */
  open(frame: Uint8Array): ReferenceLog {
    const before = this.#chain;
    // Until this frame has been read: there is nothing to continue.
    this.#chain = undefined;
    const { kind, chain, level, payload } = openReference(frame, before?.crc);
    must(kind === 1, "a message is no frame of the log");
    const continued = chain === "continues" ? before : undefined;
    must(continued === undefined || continued.level === level, "a chain changes its level");
    const context = continued?.context ?? new Context();
    const model = continued?.model ?? (level === "dense" ? new DenseModel() : undefined);
    const log = readLog(model === undefined ? payload : unpackDense(payload, model), context);
    if (chain !== "alone") this.#chain = { level, crc: crcIn(frame), context, model };
    return log;
  }
}

/** The fast payload of a dense one. */
function unpackDense(payload: Uint8Array, model: DenseModel): Uint8Array {
  const reader = new ByteReader(payload);
  const what = reader.varint();
  const byteCount = Math.floor(what / 2);
  must(byteCount <= MAX_REFERENCE_PAYLOAD_BYTES, "the fast payload is too long");
  if (what % 2 === 0) return decodeDense(reader.bytes(reader.left), byteCount, model);
  must(reader.left === byteCount, "the stored payload has another length");
  const stored = new Uint8Array(reader.bytes(byteCount));
  learnDense(stored, model);
  return stored;
}

/** What a fast payload says. */
function readLog(payload: Uint8Array, context: Context): ReferenceLog {
  const reader = new ByteReader(payload);
  const flags = reader.byte();
  if (flags & 1) context.generation = reader.varint(2 ** 32 - 1);
  context.sequence = flags & 2 ? reader.varint() : safe(context.sequence + 1);
  if (flags & 4) context.exitsChecksum = reader.fixed(4);
  if (flags & 8) context.outputsChecksum = reader.fixed(4);
  const eventCount = flags >> 4 < 15 ? flags >> 4 : safe(15 + reader.varint());
  must(eventCount <= MAX_EVENTS, "there are too many events");
  const ahead = reader.varint();
  const outlines = new TokenReader(reader, context).read(eventCount);
  const events = outlines.map((outline) => readEvent(outline, reader, context));
  must(reader.left === 0, "there is more than the events");
  context.through = safe((outlines.at(-1)?.point ?? context.through) + ahead);
  const { generation, sequence, through, exitsChecksum, outputsChecksum } = context;
  const header = { generation, sequence, through, exitsChecksum, outputsChecksum, eventCount };
  return { header, events };
}

/** An event, but for its bytes. */
interface Outline {
  readonly shape: Shape;
  readonly point: number;
  /** Of a time event. */
  readonly clockUs: number;
}

/** Reads the tokens of a frame. */
class TokenReader {
  readonly #outlines: Outline[] = [];
  #point: number;
  #bytes = 0;

  constructor(private readonly reader: ByteReader, private readonly context: Context) {
    this.#point = context.through;
  }

  read(eventCount: number): Outline[] {
    while (this.#outlines.length < eventCount) {
      const first = this.reader.byte();
      if (first >= 0xc0) this.#writtenOut(first);
      else if (first >= 0xa8) this.#run(first, eventCount);
      else this.#predictedTime(this.#residual(first));
    }
    return this.#outlines;
  }

  #residual(first: number): number {
    if (first < 0x80) return first - 64;
    if (first < 0xa0) return (first & 31) * 256 + this.reader.byte() - 4096;
    const high = this.reader.byte();
    return (first & 7) * 65_536 + high * 256 + this.reader.byte() - 262_144;
  }

  #predicted(): Prediction {
    const { prediction } = this.context;
    must(prediction !== undefined, "no event is predicted");
    return prediction;
  }

  #predictedTime(residual: number): void {
    const { shape, stepUs } = this.#predicted();
    must(kindOf(shape.tag) === "time", "the predicted event is no time event");
    this.#add(shape, stepUs + residual);
  }

  #run(first: number, eventCount: number): void {
    const count = first - 0xa7 + (first === 0xbf ? this.reader.varint() : 0);
    must(count <= eventCount - this.#outlines.length, "a run goes beyond the last event");
    for (let index = 0; index < count; index++) {
      const { shape, stepUs } = this.#predicted();
      this.#add(shape, stepUs);
    }
  }

  #writtenOut(first: number): void {
    const kind = first & 3;
    const nibble = first >> 2 & 15;
    const points = nibble < 15 ? nibble : safe(15 + this.reader.varint());
    if (kindOf(kind) === "time") {
      return this.#add({ tag: 0, points, length: 0 }, this.reader.varint());
    }
    const tag = kind + 4 * this.reader.byte();
    this.#add({ tag, points, length: this.reader.varint() }, 0);
  }

  #add(shape: Shape, stepUs: number): void {
    must(stepUs >= 0, "the clock goes backwards");
    const most = kindOf(shape.tag) === "state" ? MAX_STATE_BYTES : MAX_DATA_BYTES;
    must(shape.length <= most, "an event has too many bytes");
    this.#bytes += shape.length;
    must(this.#bytes <= MAX_EVENTS_BYTES, "the events have too many bytes");
    this.#point = safe(this.#point + shape.points);
    this.context.clockUs = safe(this.context.clockUs + stepUs);
    this.context.learn(shape, stepUs);
    this.#outlines.push({ shape, point: this.#point, clockUs: this.context.clockUs });
  }
}

/** An event with its bytes. */
function readEvent(
  { shape, point, clockUs }: Outline,
  reader: ByteReader,
  context: Context,
): LogEvent {
  const { tag, length } = shape;
  const kind = kindOf(tag);
  if (kind === "time") return { kind, point, clockUs };
  const bytes = readBytes(tag, length, reader, context);
  context.keep(tag, bytes);
  const selector = tag >> 2;
  if (kind === "data") return { kind, point, device: selector, bytes };
  if (kind === "state") return { kind, point, section: selector, bytes };
  return { kind, point, code: selector, bytes };
}

function readBytes(
  tag: number,
  length: number,
  reader: ByteReader,
  context: Context,
): Uint8Array<ArrayBuffer> {
  const form = length < FORM_BYTES ? 0 : reader.varint();
  if (form === 0) return new Uint8Array(reader.bytes(length));
  if (form === NETWORK_FORM) {
    const mayBeFrame = kindOf(tag) === "data" && length >= HEADERS_BYTES;
    must(mayBeFrame, "form 1 is of data of 54 bytes or more");
    return readNetworkFrame(length, reader, context.flows);
  }
  return unpackLz4(reader.bytes(form), context.dictionary(tag), length);
}
