/**
 * The baseline of the sizes: the same frames and events in a plain layout of fixed fields, as a C struct would have
 * them, one frame right behind the other.
 *
 * ```text
 *      0      1      2             6            10               18
 *      ┌──────┬──────┬─────────────┬────────────┬────────────────┬─────────────┐
 *      │ kind │flags │ event count │ generation │ sequence   u64 │ through u64 │
 *      │  1   │  0   │             │            │                │             │
 *   26 ├──────┴──────┴──┬──────────┴───────┬────┴───────┬────────┴─────────────┘
 *      │ exits checksum │ outputs checksum │ crc32c     │ 38
 *   38 ├────────────────┴─────────┬────────┴────────────┘
 *      │ events, one by one       │
 *      └──────────────────────────┘
 *
 *      0      1          2        6           14
 *      ┌──────┬──────────┬────────┬───────────┬─────────────────────────┐
 *      │ kind │ selector │ length │ point u64 │ time: clock u64         │
 *      │      │          │        │           │ others: `length` bytes  │
 *      └──────┴──────────┴────────┴───────────┴─────────────────────────┘
 * ```
 *
 * Little-endian; what says nothing else is u32, or u8 if one byte wide. crc32c covers the frame, with this field 0.
 */
import { ByteWriter } from "./byte_writer.ts";
import { type BenchFrame, KIND } from "./events.ts";
import { crc32c } from "./stream.ts";

/** Where a frame's crc32c is. */
const CRC_AT = 34;
const LOG_FRAME = 1;

/** All frames, one behind the other. */
export function encodeFixed(frames: readonly BenchFrame[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (const frame of frames) {
    const start = out.length;
    out.u8(LOG_FRAME);
    out.u8(0);
    out.u32(frame.events.length);
    out.u32(frame.generation);
    out.u64(frame.sequence);
    out.u64(frame.through);
    out.u32(frame.exitsChecksum);
    out.u32(frame.outputsChecksum);
    out.u32(0);
    for (const { kind, selector, bytes, point, clockUs } of frame.events) {
      out.u8(KIND[kind]);
      out.u8(selector);
      out.u32(bytes.length);
      out.u64(point);
      if (kind === "time") out.u64(clockUs);
      out.bytes(bytes);
    }
    const written = out.from(start);
    new DataView(written.buffer, written.byteOffset).setUint32(CRC_AT, crc32c(written), true);
  }
  return out.from(0);
}
