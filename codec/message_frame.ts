/** Messages of the logging channel: frames whose payload the protocol alone understands. */
import { assert, DefectError } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { MAX_PAYLOAD_BYTES, type MessageClosing } from "./event.ts";
import { MAX_FRAME_BYTES } from "./frame_header.ts";
import { crc32c as rawCrc32c, RawMessages } from "./pkg/codec.js";
import { wasmBytes, wasmNumbers } from "./wasm_memory.ts";

/** What a message says about itself. */
export interface MessageHeader extends MessageClosing {
  /** 2 to 31. */
  kind: number;
}

// Calls that keep nothing share this, for the life of the thread.
const raw = new RawMessages();
const headAt = raw.headAt();

/** The CRC32C of what `seed` is the CRC32C of, followed by `bytes`; seed 0 starts afresh. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = seed;
  // In pieces, because WASM memory never shrinks again.
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
    crc = rawCrc32c(crc, bytes.subarray(at, at + MAX_PAYLOAD_BYTES));
  }
  return crc >>> 0;
}

/**
 * Seals a message of the channel, other than the log.
 *
 * @param kind 2 to 31
 * @param payload at most {@link MAX_PAYLOAD_BYTES}
 * @throws {DefectError} when one of them is something else
 */
export function sealMessage(
  kind: number,
  closing: MessageClosing,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { generation, sequence, through } = closing;
  assert(
    payload.length <= MAX_PAYLOAD_BYTES,
    `a message of ${payload.length} bytes, expected at most ${MAX_PAYLOAD_BYTES}`,
  );
  const frame = raw.seal(kind, generation, sequence, through, payload);
  if (frame === undefined) {
    throw new DefectError(`can't seal a message of kind ${kind}: ${raw.complaint()}`);
  }
  return frame as Uint8Array<ArrayBuffer>;
}

/**
 * Checks all of a message's frame and returns its header and a copy of its payload.
 *
 * @throws {PeerError} with offset and reason
 */
export function openMessage(
  frame: Uint8Array,
): { header: MessageHeader; payload: Uint8Array<ArrayBuffer> } {
  if (frame.length > MAX_FRAME_BYTES) {
    throw new PeerError(`bad frame: ${frame.length} bytes, expected at most ${MAX_FRAME_BYTES}`);
  }
  const at = raw.place(frame.length);
  wasmBytes().set(frame, at);
  const payloadAt = raw.open();
  if (payloadAt === 0) throw new PeerError(raw.complaint());
  const head = wasmNumbers();
  const first = headAt >>> 3;
  const header = {
    kind: head[first]!,
    generation: head[first + 1]!,
    sequence: head[first + 2]!,
    through: head[first + 3]!,
  };
  return { header, payload: wasmBytes().slice(at + payloadAt, at + frame.length) };
}
