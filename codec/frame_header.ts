/** What stands in front of every frame, read without the rest of it. */
import { PeerError } from "../base/errors.ts";
import { MAX_PAYLOAD_BYTES } from "./event.ts";
import type { Level } from "./frame_encoder.ts";
import { RawMessages } from "./pkg/codec.js";
import { wasmBytes } from "./wasm_memory.ts";

/** Bytes in front of every payload. */
export const HEADER_BYTES = 9;
/** The longest frame: besides a payload it says what it is, and of a message whose. */
export const MAX_FRAME_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES + 64;

/** The kinds of frame that the codec knows; the protocol names the rest, 2 to 31. */
export const FrameKind = { log: 1 } as const;

/** How a log frame goes with those before it. */
export type Chain =
  /** It stands for itself, and so does what follows. */
  | "alone"
  /** It stands for itself, and others continue it. */
  | "begins"
  /** It is of no use without those before it, back to the one that begins. */
  | "continues";

/** What a header says, once validated. */
export interface FrameHeader {
  /** {@link FrameKind.log}, or a message's kind, 2 to 31. */
  readonly kind: number;
  /** How many bytes follow the header. */
  readonly payloadBytes: number;
  /** Of a log frame; a message is alone. */
  readonly chain: Chain;
  /** Of a log frame; a message is `fast`. */
  readonly level: Level;
}

const CHAINS = ["alone", "begins", "continues"] as const;
const raw = new RawMessages();

/**
 * Validates the header at the front of `bytes` (magic, version, kind, length)
 * without looking at what follows: a receiver learns how much to allocate, and that it is bounded.
 * Only opening the whole frame checks the CRC32C.
 *
 * @throws {PeerError} with offset, what was found, what was expected
 */
export function readHeader(bytes: Uint8Array): FrameHeader {
  const header = bytes.subarray(0, HEADER_BYTES);
  wasmBytes().set(header, raw.place(header.length));
  const found = raw.readHeader();
  if (found === 0) throw new PeerError(raw.complaint());
  const flags = found >>> 24;
  return {
    kind: flags & 31,
    payloadBytes: found & 0xff_ffff,
    chain: CHAINS[flags >>> 5 & 3]!,
    level: flags >>> 7 === 1 ? "dense" : "fast",
  };
}
