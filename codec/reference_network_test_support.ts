/** The reference's TCP frames, and what is kept of them (docs/LOG-FORMAT.md, Network frames). Tests only. */
import {
  type ByteReader,
  type Draw,
  must,
  putBytes,
  putVarint,
} from "./reference_bytes_test_support.ts";
import { packLz4, unpackLz4 } from "./reference_lz4_test_support.ts";
import {
  ACKNOWLEDGMENT,
  ETHERNET_BYTES,
  FIN,
  FLAGS,
  flowNumber,
  HEADERS_BYTES,
  IDENTIFICATION,
  IPV4_CHECKSUM,
  ipv4Checksum,
  isTcpFrame,
  numberAt,
  type Place,
  SEQUENCE,
  setNumber,
  SYN,
  TCP_CHECKSUM,
  tcpChecksum,
  TOTAL_LENGTH,
  WINDOW,
  wrapped,
} from "./reference_tcp_test_support.ts";

/** The number of the form that says a TCP frame by the last one of its flow. */
export const NETWORK_FORM = 1;
/** The most bytes behind the headers that become a flow's dictionary. */
const MAX_DICTIONARY_BYTES = 4096;
const FLOWS = 64;
/** The mask's bit that says that the rest is packed. */
const PACKED = 0x80;

/** A field that has a bit in the mask: the one with its index in {@link FIELDS}. */
interface Field extends Place {
  /** What it is if it does not follow, in a frame of which all fields above this one are known, and the rest. */
  readonly expected: (frame: Uint8Array, before: Uint8Array) => number;
  /** What follows is a varint that is added to the field of the frame before. */
  readonly isAdded?: boolean;
}

const FIELDS: readonly Field[] = [
  {
    ...IDENTIFICATION,
    expected: (_, before) => wrapped(numberAt(before, IDENTIFICATION) + 1, IDENTIFICATION),
  },
  { ...IPV4_CHECKSUM, expected: ipv4Checksum },
  {
    ...SEQUENCE,
    expected: (_, before) => wrapped(numberAt(before, SEQUENCE) + carriedBy(before), SEQUENCE),
  },
  { ...asBefore(ACKNOWLEDGMENT), isAdded: true },
  asBefore(FLAGS),
  asBefore(WINDOW),
  { ...TCP_CHECKSUM, expected: tcpChecksum },
];

/** The last frame of a flow. */
interface Flow {
  readonly headers: Uint8Array;
  readonly dictionary: Uint8Array;
}

/** The flows of a context. */
export class Flows {
  readonly #flows = new Array<Flow | undefined>(FLOWS);

  /** What the flow with this number was last; undefined if it is empty. */
  at(number: number): Flow | undefined {
    return this.#flows[number];
  }

  /** Takes in an event's data, whether it is a TCP frame or not. */
  learn(bytes: Uint8Array): void {
    if (!isTcpFrame(bytes)) return;
    const rest = bytes.subarray(HEADERS_BYTES);
    const dictionary = rest.length <= MAX_DICTIONARY_BYTES ? rest : new Uint8Array();
    this.#flows[flowNumber(bytes)] = { headers: bytes.subarray(0, HEADERS_BYTES), dictionary };
  }
}

/** Reads what stands behind the number of form 1. @throws {ReferenceRefusal} */
export function readNetworkFrame(
  length: number,
  reader: ByteReader,
  flows: Flows,
): Uint8Array<ArrayBuffer> {
  const number = reader.byte();
  must(number < FLOWS, "there is no such flow");
  const flow = flows.at(number);
  must(flow !== undefined, "the flow is empty");
  const mask = reader.byte();
  const frame = new Uint8Array(length);
  frame.set(flow.headers);
  setNumber(frame, TOTAL_LENGTH, length - ETHERNET_BYTES);
  for (const field of fieldsIn(mask)) {
    if (field.isAdded) {
      const added = reader.varint(2 ** 32 - 1);
      setNumber(frame, field, numberAt(flow.headers, field) + added);
    } else {
      frame.set(reader.bytes(field.byteCount), field.at);
    }
  }
  const restBytes = length - HEADERS_BYTES;
  const rest = mask & PACKED
    ? unpackLz4(reader.bytes(reader.varint()), flow.dictionary, restBytes)
    : reader.bytes(restBytes);
  frame.set(rest, HEADERS_BYTES);
  for (const field of fieldsIn(~mask)) {
    setNumber(frame, field, field.expected(frame, flow.headers));
  }
  return frame;
}

/** Appends an event's data in form 1, with fields that need not be said as they are drawn, if it has that form. */
export function putNetworkFrame(
  out: number[],
  bytes: Uint8Array,
  flows: Flows,
  draw: Draw,
): boolean {
  if (!isTcpFrame(bytes)) return false;
  const number = flowNumber(bytes);
  const flow = flows.at(number);
  if (flow === undefined || !isAlike(bytes, flow.headers)) return false;
  let mask = draw(2) * PACKED;
  for (const [bit, field] of FIELDS.entries()) {
    const isExpected = numberAt(bytes, field) === field.expected(bytes, flow.headers);
    if (!isExpected || draw(8) === 0) mask += 1 << bit;
  }
  out.push(NETWORK_FORM, number, mask);
  for (const field of fieldsIn(mask)) {
    const { at, byteCount, isAdded } = field;
    if (isAdded) {
      putVarint(out, wrapped(numberAt(bytes, field) - numberAt(flow.headers, field), field));
    } else putBytes(out, bytes.subarray(at, at + byteCount));
  }
  const rest = bytes.subarray(HEADERS_BYTES);
  const packed = mask & PACKED ? packLz4(rest, flow.dictionary, draw) : undefined;
  if (packed !== undefined) putVarint(out, packed.length);
  putBytes(out, packed ?? rest);
  return true;
}

/** By how much the sequence number goes on after a frame. */
function carriedBy(frame: Uint8Array): number {
  const carried = numberAt(frame, TOTAL_LENGTH) - 20 - 4 * (frame[46]! >> 4);
  const flags = numberAt(frame, FLAGS);
  return Math.max(carried, 0) + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
}

/** Whether two frames of a flow have all those bytes in common that form 1 takes from the frame before. */
function isAlike(frame: Uint8Array, before: Uint8Array): boolean {
  const said = [TOTAL_LENGTH, ...FIELDS];
  return before.every((byte, index) =>
    byte === frame[index] || said.some(({ at, byteCount }) => at <= index && index < at + byteCount)
  );
}

/** The fields whose bits are set, in their order. */
function fieldsIn(mask: number): Field[] {
  return FIELDS.filter((_, bit) => mask >> bit & 1);
}

function asBefore(place: Place): Field {
  return { ...place, expected: (_, before) => numberAt(before, place) };
}
