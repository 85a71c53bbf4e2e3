/**
 * A baseline of the sizes: the same frames and events in CBOR (RFC 8949), a sequence of them. Arrays, not maps: there
 * are no names of fields in it.
 *
 * ```text
 *      [generation, sequence, through, exits checksum, outputs checksum, [event, ...]]   crc32c
 *      event: [0, point, clock]   or   [kind, selector, point, bytes]
 * ```
 */
import { encode } from "cborg";
import { ByteWriter } from "./byte_writer.ts";
import { type BenchEvent, type BenchFrame, KIND } from "./events.ts";
import { crc32c } from "./stream.ts";

/** All frames, one behind the other. */
export function encodeCbor(frames: readonly BenchFrame[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (const frame of frames) {
    const { generation, sequence, through, exitsChecksum, outputsChecksum, events } = frame;
    const closing = [generation, sequence, through, exitsChecksum, outputsChecksum];
    const bytes = encode([...closing, events.map(arrayOf)]);
    out.bytes(bytes);
    out.bytes(encode(crc32c(bytes)));
  }
  return out.from(0);
}

function arrayOf({ kind, selector, point, clockUs, bytes }: BenchEvent): unknown[] {
  return kind === "time" ? [KIND.time, point, clockUs] : [KIND[kind], selector, point, bytes];
}
