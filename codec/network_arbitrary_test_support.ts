/**
 * TCP frames of a few connections for fast-check: each mostly goes on from the last one, as a guest's do, and now and
 * then differs in anything that a frame can differ in. Called by log_arbitrary_test_support.ts.
 */
import type { Draw } from "./reference_bytes_test_support.ts";
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
  numberAt,
  type Place,
  SEQUENCE,
  setNumber,
  SYN,
  TCP_CHECKSUM,
  tcpChecksum,
  TOTAL_LENGTH,
  WINDOW,
} from "./reference_tcp_test_support.ts";

const SOURCE_PORT: Place = { at: 34, byteCount: 2 };
const TTL: Place = { at: 22, byteCount: 1 };
/** Its high half is how many words TCP's header has. */
const HEADER_WORDS: Place = { at: 46, byteCount: 1 };
const URGENT: Place = { at: 52, byteCount: 2 };
const ACK = 0x10;
const PUSH = 0x08;
const HEADERS = Uint8Array.fromHex(
  "020000000001" + "020000000002" + "0800" +
    "4500" + "0028" + "fffd" + "4000" + "4006" + "0000" + "c0000201" + "c0000202" +
    "1000" + "0050" + "fffffa00" + "00000064" + "5010" + "faf0" + "0000" + "0000",
);
const FIRST = connection(0x1000);
/** The last one has another port than the first one, and yet the number of its flow. */
const CONNECTIONS = [FIRST, connection(0x1001), connection(0x1002), alikeTo(FIRST)];
/** How many connections there are. */
export const CONNECTION_COUNT = CONNECTIONS.length;

/** What keeps a frame from being a TCP frame, or almost does. */
const SPOILS: readonly (readonly [at: number, byte: number])[] = [
  [12, 0x86],
  [13, 0xdd],
  [14, 0x46],
  [14, 0x65],
  [23, 17],
  [17, 0],
];

function connection(port: number): Uint8Array<ArrayBuffer> {
  const headers = HEADERS.slice();
  setNumber(headers, SOURCE_PORT, port);
  return headers;
}

function alikeTo(first: Uint8Array): Uint8Array<ArrayBuffer> {
  for (let port = 0x2000;; port++) {
    const other = connection(port);
    if (flowNumber(other) === flowNumber(first)) return other;
  }
}

/** Makes TCP frames. */
export class TcpFrames {
  /** The last frame's headers of each connection. */
  readonly #last = [...CONNECTIONS];

  /** The next frame of a connection. @param rest what is behind its headers */
  next(connection: number, rest: Uint8Array, draw: Draw): Uint8Array<ArrayBuffer> {
    const before = this.#last[connection]!;
    const frame = new Uint8Array(HEADERS_BYTES + rest.length);
    frame.set(before);
    frame.set(rest, HEADERS_BYTES);
    setNumber(frame, TOTAL_LENGTH, frame.length - ETHERNET_BYTES);
    const isRare = () => draw(10) === 0;
    const setRarely = (place: Place, ...values: number[]) => {
      if (isRare()) setNumber(frame, place, values[draw(values.length)]!);
    };
    const goOn = (place: Place, by: number) =>
      setNumber(frame, place, isRare() ? draw(2 ** 32) : numberAt(before, place) + by);
    goOn(IDENTIFICATION, 1);
    goOn(SEQUENCE, carriedBy(before));
    goOn(ACKNOWLEDGMENT, [0, 0, 1, 1460][draw(4)]!);
    setNumber(frame, FLAGS, draw(4) > 0 ? ACK : [ACK + PUSH, SYN, ACK + FIN, SYN + FIN][draw(4)]!);
    setRarely(WINDOW, 0, 501, 0xffff);
    setRarely(TTL, 63, 64);
    setRarely(HEADER_WORDS, 0x00, 0x50, 0x50, 0x80, 0xf0);
    setRarely(URGENT, 0, 1);
    setNumber(frame, IPV4_CHECKSUM, ipv4Checksum(frame));
    setNumber(frame, TCP_CHECKSUM, tcpChecksum(frame));
    for (const place of [IPV4_CHECKSUM, TCP_CHECKSUM]) {
      setRarely(place, 0, 0xffff, numberAt(frame, place) + 1);
    }
    this.#last[connection] = frame.slice(0, HEADERS_BYTES);
    if (isRare()) {
      const [at, byte] = SPOILS[draw(SPOILS.length)]!;
      frame[at] = byte;
    }
    return frame;
  }
}

/** By how much the sequence number goes on after a frame. */
function carriedBy(headers: Uint8Array): number {
  const headerBytes = 20 + 4 * (numberAt(headers, HEADER_WORDS) >> 4);
  const flags = numberAt(headers, FLAGS);
  const ends = [SYN, FIN].filter((flag) => flags & flag).length;
  return Math.max(0, numberAt(headers, TOTAL_LENGTH) - headerBytes) + ends;
}
