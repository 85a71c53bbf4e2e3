/** The reference's frames and messages (docs/LOG-FORMAT.md, Frames). Tests only. */
import { ByteReader, must, putBytes, putFixed, putVarint } from "./reference_bytes_test_support.ts";
import type { Chain, Level, MessageClosing, MessageHeader } from "./codec.ts";

const MAGIC = 0xd2;
const LOG = 1;
const CHAINS: readonly Chain[] = ["alone", "begins", "continues"];
const HEADER_BYTES = 9;
/** The most bytes of a message, of the events of a frame; and of what stands around them. */
const MAX_BYTES = 2 ** 20;
/** The longest payload. */
export const MAX_REFERENCE_PAYLOAD_BYTES = MAX_BYTES + 64;

/** What stands in front of a payload. */
export interface ReferenceHead {
  readonly kind: number;
  readonly chain: Chain;
  readonly level: Level;
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let register = byte;
  for (let bit = 0; bit < 8; bit++) register = register >>> 1 ^ (register & 1 ? 0x82f63b78 : 0);
  return register;
});

/** The CRC32C of what `before` is the CRC32C of, followed by `bytes`. */
export function referenceCrc32c(bytes: Uint8Array, before = 0): number {
  let register = ~before;
  for (const byte of bytes) register = CRC32C_TABLE[(register ^ byte) & 255]! ^ register >>> 8;
  return ~register >>> 0;
}

/** What the crc32c of a frame has to be. @param before the crc32c of the frame that it continues */
function crcOf(frame: Uint8Array, before: number): number {
  let crc = before;
  for (const covered of [frame.subarray(0, 2), frame.subarray(6)]) {
    crc = referenceCrc32c(covered, crc);
  }
  return crc;
}

/** Sets length and crc32c of a frame right, whatever else is in it. @returns that frame */
export function reseal<T extends Uint8Array>(frame: T, before = 0): T {
  const sealed: number[] = [];
  putFixed(sealed, frame.length - HEADER_BYTES, 3);
  frame.set(sealed, 6);
  frame.set(Uint8Array.from(crcBytes(crcOf(frame, before))), 2);
  return frame;
}

function crcBytes(crc: number): number[] {
  const bytes: number[] = [];
  putFixed(bytes, crc, 4);
  return bytes;
}

/** A frame. @param before the crc32c of the frame that it continues */
export function sealReference(
  { kind, chain, level }: ReferenceHead,
  payload: ArrayLike<number>,
  before = 0,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  frame[0] = MAGIC;
  frame[1] = kind + 32 * CHAINS.indexOf(chain) + (level === "dense" ? 128 : 0);
  frame.set(payload, HEADER_BYTES);
  return reseal(frame, before);
}

/** The crc32c that a frame has. */
export function crcIn(frame: Uint8Array): number {
  return new ByteReader(frame.subarray(2, 6)).fixed(4);
}

/**
 * Opens a frame of either sort.
 * @param before the crc32c of the frame that it continues, if it does that; undefined if there is none
 */
export function openReference(
  frame: Uint8Array,
  before?: number,
): ReferenceHead & { payload: Uint8Array } {
  const reader = new ByteReader(frame);
  must(reader.byte() === MAGIC, "the magic is not d2");
  const what = reader.byte();
  const kind = what & 31;
  const chain = CHAINS[what >> 5 & 3];
  const level = what < 128 ? "fast" : "dense";
  must(kind !== 0, "there is no kind 0");
  must(chain !== undefined, "there is no chain 3");
  must(kind === LOG || chain === "alone", "a message is alone");
  must(kind === LOG || level === "fast", "a message is fast");
  const crc = reader.fixed(4);
  const payloadBytes = reader.fixed(3);
  must(payloadBytes <= MAX_REFERENCE_PAYLOAD_BYTES, "the payload is too long");
  must(payloadBytes === reader.left, "the length is not what the header says");
  must(chain !== "continues" || before !== undefined, "there is no chain to continue");
  must(crc === crcOf(frame, chain === "continues" ? before! : 0), "the crc32c does not fit");
  return { kind, chain, level, payload: reader.bytes(payloadBytes) };
}

/** Opens a message. @throws {ReferenceRefusal} */
export function referenceMessage(
  frame: Uint8Array,
): { header: MessageHeader; payload: Uint8Array<ArrayBuffer> } {
  const { kind, payload } = openReference(frame);
  must(kind !== LOG, "a frame of the log is no message");
  const reader = new ByteReader(payload);
  const generation = reader.varint(2 ** 32 - 1);
  const sequence = reader.varint();
  const through = reader.varint();
  must(reader.left <= MAX_BYTES, "the message is too long");
  const header = { kind, generation, sequence, through };
  return { header, payload: new Uint8Array(reader.bytes(reader.left)) };
}

/** Seals a message that is known to be right. */
export function sealReferenceMessage(
  kind: number,
  { generation, sequence, through }: MessageClosing,
  message: Iterable<number>,
): Uint8Array<ArrayBuffer> {
  const payload: number[] = [];
  for (const number of [generation, sequence, through]) putVarint(payload, number);
  putBytes(payload, message);
  return sealReference({ kind, chain: "alone", level: "fast" }, payload);
}
