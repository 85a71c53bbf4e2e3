/**
 * The frame format once more, in plain TypeScript and by its drawing in `codec.ts`: slow, short,
 * and written apart from the Rust code, for the property tests to compare that with. Tests only.
 */
import type { LogClosing, LogEvent } from "./codec.ts";

/** A log frame's content. */
export interface ReferenceLog {
  /** What its header says of it. */
  closing: LogClosing;
  /** Its events, in order. */
  events: LogEvent[];
}

/** The order is the code in an event's tag. */
const KINDS = ["time", "data", "state", "control"] as const;
const HEADER_BYTES = 56;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** CRC32C, one bit at a time. */
export function referenceCrc32c(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      register = (register >>> 1) ^ (register & 1 ? 0x82f63b78 : 0);
    }
  }
  return ~register >>> 0;
}

/** Sets length and CRC32C of a frame right, whatever else is in it. */
export function reseal(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  view.setUint32(8, frame.length - HEADER_BYTES, true);
  view.setUint32(12, 0, true);
  view.setUint32(12, referenceCrc32c(frame), true);
  return frame;
}

/** A frame with this header and payload. */
export function referenceFrame(
  kind: number,
  eventCount: number,
  closing: LogClosing,
  payload: number[],
): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(new TextEncoder().encode("USTY"));
  view.setUint8(4, 1);
  view.setUint8(5, kind);
  view.setUint32(16, closing.generation, true);
  view.setUint32(20, eventCount, true);
  view.setBigUint64(24, BigInt(closing.sequence), true);
  view.setBigUint64(32, BigInt(closing.through), true);
  view.setBigUint64(40, closing.exitsChecksum, true);
  view.setBigUint64(48, closing.outputsChecksum, true);
  frame.set(payload, HEADER_BYTES);
  return reseal(frame);
}

/** Encodes a log that is known to be right. */
export function referenceEncode({ closing, events }: ReferenceLog): Uint8Array {
  const payload: number[] = [];
  let point = events[0]?.point ?? 0;
  let clockUs = 0;
  if (events.length > 0) putVarint(payload, closing.through - point);
  for (const event of events) {
    const points = event.point - point;
    payload.push(KINDS.indexOf(event.kind) | Math.min(points, 63) << 2);
    if (points >= 63) putVarint(payload, points - 63);
    point = event.point;
    if (event.kind === "time") {
      putVarint(payload, event.clockUs - clockUs);
      clockUs = event.clockUs;
    } else {
      payload.push(selectorOf(event));
      putVarint(payload, event.bytes.length);
      for (const byte of event.bytes) payload.push(byte);
    }
  }
  return referenceFrame(1, events.length, closing, payload);
}

/** Decodes a log frame; throws an `Error` at whatever the format forbids. */
export function referenceDecode(frame: Uint8Array): ReferenceLog {
  must(frame.length >= HEADER_BYTES, "short");
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  must(new TextDecoder("latin1").decode(frame.subarray(0, 4)) === "USTY", "magic");
  must(view.getUint8(4) === 1 && view.getUint8(5) === 1 && view.getUint16(6) === 0, "constants");
  must(view.getUint32(8, true) === frame.length - HEADER_BYTES, "length");
  must(frame.length <= HEADER_BYTES + 1024 * 1024, "length");
  const blank = frame.slice();
  blank.fill(0, 12, 16);
  must(view.getUint32(12, true) === referenceCrc32c(blank), "crc");
  const closing = {
    generation: view.getUint32(16, true),
    sequence: safe(view.getBigUint64(24, true)),
    through: safe(view.getBigUint64(32, true)),
    exitsChecksum: view.getBigUint64(40, true),
    outputsChecksum: view.getBigUint64(48, true),
  };
  const events = referenceEvents(frame.subarray(HEADER_BYTES), closing.through);
  must(events.length === view.getUint32(20, true), "event count");
  return { closing, events };
}

/** The events of a payload, to its very end. */
function referenceEvents(payload: Uint8Array, through: number): LogEvent[] {
  const events: LogEvent[] = [];
  const reader = new Reader(payload);
  if (reader.atEnd()) return events;
  let point = BigInt(through) - reader.varint();
  let clockUs = 0n;
  must(point >= 0n && !reader.atEnd(), "span");
  while (!reader.atEnd()) {
    const tag = reader.byte();
    const points = (tag >> 2) < 63 ? BigInt(tag >> 2) : 63n + reader.varint();
    must(events.length > 0 || points === 0n, "first event");
    point += points;
    must(point <= BigInt(through), "through");
    if (tag % 4 === 0) {
      clockUs += reader.varint();
      events.push({ kind: "time", point: safe(point), clockUs: safe(clockUs) });
      continue;
    }
    const [selector, length] = [reader.byte(), safe(reader.varint())];
    must(length <= (tag % 4 === 2 ? 256 : 64) * 1024, "event length");
    const bytes = reader.bytes(length);
    const at = safe(point);
    if (tag % 4 === 1) events.push({ kind: "data", point: at, device: selector, bytes });
    if (tag % 4 === 2) events.push({ kind: "state", point: at, section: selector, bytes });
    if (tag % 4 === 3) events.push({ kind: "control", point: at, code: selector, bytes });
  }
  return events;
}

class Reader {
  #at = 0;
  constructor(readonly source: Uint8Array) {}

  atEnd(): boolean {
    return this.#at === this.source.length;
  }

  byte(): number {
    const byte = this.source[this.#at++];
    if (byte === undefined) throw new Error("cut off");
    return byte;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    must(this.#at + length <= this.source.length, "cut off");
    this.#at += length;
    return new Uint8Array(this.source.subarray(this.#at - length, this.#at));
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      must(value <= MAX_SAFE && shift < 56n, "varint too large");
      must(byte !== 0 || shift === 0n, "varint overlong");
      if (byte < 0x80) return value;
    }
  }
}

function putVarint(out: number[], value: number): void {
  let rest = BigInt(value);
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
}

function selectorOf(event: Exclude<LogEvent, { kind: "time" }>): number {
  if (event.kind === "data") return event.device;
  return event.kind === "state" ? event.section : event.code;
}

function safe(value: bigint): number {
  must(value <= MAX_SAFE, "unsafe number");
  return Number(value);
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
