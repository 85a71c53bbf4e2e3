/**
 * Network frames as a sink's stream of bytes: each with its length in front, so that a stream that is cut anywhere
 * between two of them, or joined, still says where they begin.
 *
 * ```
 * u16 length, little-endian │ the frame, from its destination address on, without checksum
 * ```
 *
 * Outputs are numbered by byte offset, held, kept and sent in states as bytes; with this, network frames are outputs
 * like any other. The network device puts whole ones out, and nobody parts them.
 *
 * Written by virtio_net.ts, read by what performs the outputs.
 */
import { PeerError } from "../base/errors.ts";

/** An Ethernet header. */
export const FRAME_BYTES_MIN = 14;
/** The largest payload. */
export const FRAME_MTU = 1500;
/** A header and the largest payload. */
export const FRAME_BYTES_MAX = FRAME_BYTES_MIN + FRAME_MTU;

const LENGTH_BYTES = 2;

/** Whether a frame can be so long. */
export function isFrameLength(bytes: number): boolean {
  return bytes >= FRAME_BYTES_MIN && bytes <= FRAME_BYTES_MAX;
}

/** Frames as bytes of the stream. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const lengths = frames.map(({ length }) => LENGTH_BYTES + length);
  const stream = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const [index, frame] of frames.entries()) {
    stream[at] = frame.length;
    stream[at + 1] = frame.length >>> 8;
    stream.set(frame, at + LENGTH_BYTES);
    at += lengths[index]!;
  }
  return stream;
}

/**
 * The frames in a piece of the stream that begins and ends between two of them; views of it.
 * @throws PeerError if it is no such piece
 */
export function* splitFrames(stream: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < stream.length;) {
    const length = stream[at]! | stream[at + 1]! << 8;
    const end = at + LENGTH_BYTES + length;
    if (!isFrameLength(length) || end > stream.length) {
      const rest = stream.length - at;
      throw new PeerError(`a network frame of ${length} bytes in the ${rest} that are left`);
    }
    yield stream.subarray(at + LENGTH_BYTES, end);
    at = end;
  }
}
