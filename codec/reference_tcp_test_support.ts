/** What a TCP frame is, where its numbers stand, and its checksums (docs/LOG-FORMAT.md, Network frames). Tests only. */

/** Where a number stands; those of a network frame are big-endian. */
export interface Place {
  readonly at: number;
  readonly byteCount: number;
}

/** Ethernet's, IPv4's and TCP's headers, without options. */
export const HEADERS_BYTES = 54;
/** How much longer a TCP frame is than its total length. */
export const ETHERNET_BYTES = 14;
/** IPv4's total length. */
export const TOTAL_LENGTH: Place = { at: 16, byteCount: 2 };
/** IPv4's identification. */
export const IDENTIFICATION: Place = { at: 18, byteCount: 2 };
/** IPv4's header checksum. */
export const IPV4_CHECKSUM: Place = { at: 24, byteCount: 2 };
/** TCP's sequence number. */
export const SEQUENCE: Place = { at: 38, byteCount: 4 };
/** TCP's acknowledgment number. */
export const ACKNOWLEDGMENT: Place = { at: 42, byteCount: 4 };
/** TCP's flags. */
export const FLAGS: Place = { at: 47, byteCount: 1 };
/** TCP's window. */
export const WINDOW: Place = { at: 48, byteCount: 2 };
/** TCP's checksum. */
export const TCP_CHECKSUM: Place = { at: 50, byteCount: 2 };
/** A flag: the last frame. */
export const FIN = 1;
/** A flag: the first frame. */
export const SYN = 2;

/** Whether data is a TCP frame. */
export function isTcpFrame(bytes: Uint8Array): boolean {
  return bytes.length >= HEADERS_BYTES &&
    bytes[12] === 0x08 && bytes[13] === 0x00 && bytes[14] === 0x45 && bytes[23] === 0x06 &&
    numberAt(bytes, TOTAL_LENGTH) === bytes.length - ETHERNET_BYTES;
}

/** The number of a TCP frame's flow. */
export function flowNumber(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset + 26, 12);
  const [w0, w1, w2] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
  const mixed = Math.imul(w0, 0x9e3779b1) ^ Math.imul(w1, 0x85ebca6b) ^ Math.imul(w2, 0xc2b2ae35);
  return Math.imul(mixed, 0x2c1b3c6d) >>> 26;
}

/** What a TCP frame's IPv4 header checksum has to be. */
export function ipv4Checksum(frame: Uint8Array): number {
  return 0xffff - onesSum(frame.subarray(14, 34), 10);
}

/** What a TCP frame's TCP checksum has to be. */
export function tcpChecksum(frame: Uint8Array): number {
  const pseudo = [...frame.subarray(26, 34), 0, 6, 0, 0];
  setNumber(pseudo, { at: 10, byteCount: 2 }, numberAt(frame, TOTAL_LENGTH) - 20);
  return 0xffff - onesSum([...pseudo, ...frame.subarray(34)], pseudo.length + 16);
}

/** The one's complement sum of words, without the one at `without`. */
function onesSum(bytes: ArrayLike<number>, without: number): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    if (at !== without) sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = sum % 65_536 + Math.floor(sum / 65_536);
  return sum;
}

/** A number in a network frame. */
export function numberAt(bytes: Uint8Array, { at, byteCount }: Place): number {
  return bytes.subarray(at, at + byteCount).reduce((number, byte) => number * 256 + byte, 0);
}

/** A number as a place of so many bytes has it. */
export function wrapped(number: number, { byteCount }: Place): number {
  return (number + 256 ** byteCount) % 256 ** byteCount;
}

/** Sets a number in a network frame, as far as it has room. */
export function setNumber(bytes: Uint8Array | number[], place: Place, number: number): void {
  let rest = wrapped(number, place);
  for (let back = place.byteCount - 1; back >= 0; back--, rest = Math.floor(rest / 256)) {
    bytes[place.at + back] = rest % 256;
  }
}
