/**
 * A baseline of the sizes: the same frames and events as a protobuf program would have them. Each field is a tag byte
 * and a LEB128; a field that is 0 is left out; checksums are fixed32, because a LEB128 of them would be longer; a
 * frame is preceded by its length, an event by its tag and its length.
 *
 * ```text
 *      length  Frame { 1 generation, 2 sequence, 3 through, 4 exits checksum, 5 outputs checksum, 6 event ..., 7 crc32c }
 *      Event   { 1 kind, 2 selector, 3 point, 4 clock, 5 bytes }
 * ```
 *
 * crc32c covers the fields before it.
 */
import { ByteWriter } from "./byte_writer.ts";
import { type BenchEvent, type BenchFrame, KIND } from "./events.ts";
import { crc32c } from "./stream.ts";

/** The low bits of a tag: how long the field is (Protocol Buffers, Encoding). */
const WIRE = { varint: 0, bytes: 2, fixed32: 5 } as const;

/** All frames, one behind the other. */
export function encodeVarints(frames: readonly BenchFrame[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const body = new ByteWriter();
  const part = new ByteWriter();
  for (const frame of frames) {
    body.clear();
    varint(body, 1, frame.generation);
    varint(body, 2, frame.sequence);
    varint(body, 3, frame.through);
    fixed32(body, 4, frame.exitsChecksum);
    fixed32(body, 5, frame.outputsChecksum);
    for (const event of frame.events) {
      part.clear();
      writeEvent(part, event);
      bytes(body, 6, part.from(0));
    }
    fixed32(body, 7, crc32c(body.from(0)));
    out.varint(body.length);
    out.bytes(body.from(0));
  }
  return out.from(0);
}

function writeEvent(out: ByteWriter, event: BenchEvent): void {
  varint(out, 1, KIND[event.kind]);
  varint(out, 2, event.selector);
  varint(out, 3, event.point);
  varint(out, 4, event.clockUs);
  if (event.kind !== "time") bytes(out, 5, event.bytes);
}

function varint(out: ByteWriter, field: number, value: number): void {
  if (value === 0) return;
  out.u8(field << 3 | WIRE.varint);
  out.varint(value);
}

function fixed32(out: ByteWriter, field: number, value: number): void {
  out.u8(field << 3 | WIRE.fixed32);
  out.u32(value);
}

function bytes(out: ByteWriter, field: number, value: Uint8Array): void {
  out.u8(field << 3 | WIRE.bytes);
  out.varint(value.length);
  out.bytes(value);
}
