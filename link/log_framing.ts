/**
 * How the logging channel's stream falls into frames: as codec/ says. What primary/ and backup/ hand to
 * `listenTcp` and `connectTcp`.
 */
import { HEADER_BYTES, MAX_FRAME_BYTES, readHeader } from "../codec/codec.ts";
import type { Framing } from "./link.ts";

/** The framing of the logging channel. */
export const logFraming: Framing = {
  headerBytes: HEADER_BYTES,
  maxPayloadBytes: MAX_FRAME_BYTES - HEADER_BYTES,
  readHeader,
};
