/**
 * The frames of the logging channel: the TypeScript face of the Rust codec in `src/`.
 *
 * Encoding and checking happen in WASM, because every byte of the log goes through here. Events cross
 * in batches, as records in WASM memory that this side writes and reads by itself; bytes are copied
 * once, straight into or out of that memory. Each thread that imports this file gets an instance of
 * its own, without an `await`. The recorder encodes, the replayer decodes, the protocol seals and
 * opens messages, the link validates headers before it allocates.
 *
 * docs/LOG-FORMAT.md specifies the frames. Each is a header and a payload:
 *
 * ```text
 *     0       1                     2        6               9
 *     ┌───────┬─────────────────────┬────────┬───────────────┬─────────
 *     │ magic │ kind, chain, level  │ crc32c │ payload bytes │ payload
 *     │ d2    │ bits 0-4, 5-6, 7    │ u32    │ u24           │
 *     └───────┴─────────────────────┴────────┴───────────────┴─────────
 * ```
 *
 * Kind 1 is the log; 2 to 31 are messages. Log frames come alone or in chains: a frame that continues
 * a chain is encoded with what the frames before it have taught, and is of no use without them; its
 * crc32c runs on from theirs. The guest memory that a state event carries is encoded by pages.ts.
 */
export {
  type EventBytes,
  type LogClosing,
  type LogEvent,
  type LogHeader,
  MAX_DATA_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_STATE_BYTES,
  type MessageClosing,
} from "./event.ts";
export { FrameDecoder } from "./frame_decoder.ts";
export { type EncoderOptions, FrameEncoder, type Level } from "./frame_encoder.ts";
export {
  type Chain,
  type FrameHeader,
  FrameKind,
  HEADER_BYTES,
  MAX_FRAME_BYTES,
  readHeader,
} from "./frame_header.ts";
export { crc32c, type MessageHeader, openMessage, sealMessage } from "./message_frame.ts";
