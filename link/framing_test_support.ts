/**
 * The smallest framing there is, for the tests of this room: a magic byte, and the length of the
 * payload as 32 bits, little endian.
 */
import { PeerError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import type { Framing } from "./link.ts";

const magic = 0x55;

/** See the top of the file. */
export const testFraming: Framing = {
  headerBytes: 5,
  maxPayloadBytes: 1 << 20,
  readHeader(header) {
    if (header[0] !== magic) throw new PeerError(`magic is ${header[0]}, expected ${magic}`);
    const payloadBytes = new DataView(header.buffer, header.byteOffset).getUint32(1, true);
    return { payloadBytes };
  },
};

/** A frame of {@link testFraming}. */
export function testFrame(payload: Uint8Array, length: number = payload.length): Bytes {
  const frame = new Uint8Array(5 + payload.length);
  frame[0] = magic;
  new DataView(frame.buffer).setUint32(1, length, true);
  frame.set(payload, 5);
  return frame;
}
