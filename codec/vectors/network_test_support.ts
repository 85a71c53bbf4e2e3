/** Vectors of TCP frames, and of what is said by the last one of a flow: vectors/network.json. */
import {
  ACK_FRAME,
  CAPTURED_FLOW as FLOW,
  FIN_FRAME,
  LINE_FRAME,
  SHORT_FRAME,
  SYN_FRAME,
} from "../captured_frames_test_support.ts";
import {
  ACKNOWLEDGMENT,
  FIN,
  flowNumber,
  HEADERS_BYTES,
  IDENTIFICATION,
  type Place,
  SEQUENCE,
  setNumber,
  SYN,
  tcpChecksum,
  TOTAL_LENGTH,
  WINDOW,
} from "../reference_tcp_test_support.ts";
import {
  alone,
  carrier,
  chainOf,
  counted,
  type Definition,
  form,
  packed,
  type Pieces,
  varint,
} from "../vector_test_support.ts";

/** What an event with a TCP frame is said by. */
interface Said {
  readonly length: number;
  readonly bytes: readonly number[];
}

const SHORT_REST = [...SHORT_FRAME.subarray(HEADERS_BYTES)];
const EMPTY = "the flow is empty";
const ENDS = "it ends inside a field";
const NO_FRAME = "form 1 is of data of 54 bytes or more";
const NO_MATCH = "a match reaches back to nothing";
/** A match of the flow's dictionary, if it has 17 bytes, and five literals. */
const LINE_AGAIN = [0x0d, 17, 0, 0x50, 91, 92, 93, 94, 95];

/** An event in form 0. */
function plain(frame: Uint8Array): Said {
  return { length: frame.length, bytes: [0, ...frame] };
}

/** An event in form 1 with so many bytes behind the headers; what it says comes after flow and mask. */
function next(restBytes: number, mask: number, ...pieces: Pieces): Said {
  return { length: HEADERS_BYTES + restBytes, bytes: [1, FLOW, mask, ...pieces.flat()] };
}

/** A payload with these events, of a device each. */
function payload(...events: readonly Said[]): Pieces {
  const tokens = events.flatMap(({ length }, device) => carrier("data", 0, device, length));
  return [16 * events.length, 0, tokens, events.flatMap(({ bytes }) => bytes)];
}

/** A frame that is alone, with these events. */
function saying(...events: readonly Said[]): Uint8Array {
  return alone(...payload(...events));
}

/** A frame with a number in it replaced. */
function withNumber(frame: Uint8Array, place: Place, number: number): Uint8Array {
  const copy = frame.slice();
  setNumber(copy, place, number);
  return copy;
}

function withBytes(frame: Uint8Array, rest: readonly number[]): Uint8Array {
  const longer = Uint8Array.from([...frame.subarray(0, HEADERS_BYTES), ...rest]);
  return withNumber(longer, TOTAL_LENGTH, longer.length - 14);
}

/** The window that makes the checksum of what follows the line, if it has no bytes, 0. */
function windowOfZero(): number[] {
  const frame = withBytes(SHORT_FRAME, []);
  setNumber(frame, WINDOW, 0);
  const window = tcpChecksum(frame);
  return [window >> 8, window & 255];
}

/** Another connection whose frames have the same flow's number. */
function collision(): Uint8Array {
  for (let port = 0;; port++) {
    const other = withNumber(LINE_FRAME, { at: 34, byteCount: 2 }, port);
    if (port !== 0x898a && flowNumber(other) === FLOW) return other;
  }
}

/** What is no TCP frame, though a single byte or the length is all that it takes. */
const NONE: readonly (readonly [string, Uint8Array])[] = [
  [
    "of another EtherType, in its first byte",
    withNumber(LINE_FRAME, { at: 12, byteCount: 1 }, 0x86),
  ],
  ["of another EtherType, in its second byte", withNumber(LINE_FRAME, { at: 13, byteCount: 1 }, 6)],
  ["of another version of IP", withNumber(LINE_FRAME, { at: 14, byteCount: 1 }, 0x65)],
  ["with options of IPv4", withNumber(LINE_FRAME, { at: 14, byteCount: 1 }, 0x46)],
  ["of another protocol", withNumber(LINE_FRAME, { at: 23, byteCount: 1 }, 17)],
  ["with a byte behind what its total length says", Uint8Array.from([...LINE_FRAME, 0])],
  ["with a byte less than its total length says", LINE_FRAME.subarray(0, -1)],
  ["of 53 bytes", withNumber(LINE_FRAME.subarray(0, 53), TOTAL_LENGTH, 53 - 14)],
];

/** Network frames. */
export const NETWORK: readonly Definition[] = [
  {
    description: "a connection that Linux made, of which all but two frames are in form 1",
    frames: chainOf(
      payload(plain(SYN_FRAME)),
      payload(plain(ACK_FRAME)),
      payload(next(17, 0x10, 0x18, [...LINE_FRAME.subarray(HEADERS_BYTES)])),
      payload(next(3, 0x00, SHORT_REST)),
      payload(next(0, 0x10, 0x11)),
    ),
  },
  {
    description: "each bit of the mask by itself, lowest first",
    frames: [
      [0x01, [0x12, 0x34]],
      [0x02, [0x12, 0x34]],
      [0x04, [0x12, 0x34, 0x56, 0x78]],
      [0x08, varint(1460)],
      [0x10, [0x11]],
      [0x20, [0x12, 0x34]],
      [0x40, [0x12, 0x34]],
    ].map(([mask, field]) =>
      saying(plain(LINE_FRAME), next(3, mask as number, field as number[], SHORT_REST))
    ).concat(saying(plain(LINE_FRAME), next(3, 0x80, form(0x30, ...SHORT_REST)))),
  },
  {
    description: "all bits of the mask, with what would have been expected",
    frames: [
      saying(
        plain(LINE_FRAME),
        next(
          3,
          0xff,
          [...SHORT_FRAME.subarray(18, 20), ...SHORT_FRAME.subarray(24, 26)],
          [...SHORT_FRAME.subarray(38, 42), 0, ...SHORT_FRAME.subarray(47, 52)],
          form(0x30, ...SHORT_REST),
        ),
      ),
    ],
  },
  {
    description: "identification, sequence number and acknowledgment wrap",
    frames: [
      saying(
        plain(
          withNumber(
            withNumber(withNumber(LINE_FRAME, IDENTIFICATION, 0xffff), SEQUENCE, 2 ** 32 - 17),
            ACKNOWLEDGMENT,
            2,
          ),
        ),
        next(0, 0x08, varint(2 ** 32 - 1)),
        next(0, 0x08, varint(2 ** 32 - 1)),
        next(0, 0x08, varint(2 ** 32 - 1)),
      ),
    ],
  },
  {
    description: "SYN, FIN, and both of them, count in the sequence number; options do not",
    frames: [
      saying(
        plain(SYN_FRAME),
        next(12, 0x10, FIN, counted(12)),
        next(13, 0x10, SYN + FIN, counted(13)),
        next(14, 0x00, counted(14)),
        next(0, 0x00),
      ),
    ],
  },
  {
    description: "less bytes than TCP's header is said to have count as none",
    frames: [
      saying(
        plain(withNumber(LINE_FRAME, { at: 46, byteCount: 1 }, 0xf0)),
        next(39, 0x10, SYN, counted(39)),
        next(40, 0x10, 0x10, counted(40)),
        next(41, 0x00, counted(41)),
        next(0, 0x00),
      ),
    ],
  },
  {
    description:
      "more of them than there is behind the first 54 bytes, if it is said to be shorter",
    frames: [
      saying(
        plain(withNumber(LINE_FRAME, { at: 46, byteCount: 1 }, 0x0f)),
        next(0, 0x00),
        next(0, 0x00),
      ),
    ],
  },
  {
    description: "a checksum of 0 is not ffff",
    frames: [saying(plain(LINE_FRAME), next(0, 0x20, windowOfZero()))],
  },
  {
    description: "the next frame goes on from fields that were said, with checksums of its own",
    frames: [
      saying(
        plain(LINE_FRAME),
        next(5, 0x7f, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], counted(5)),
        next(5, 0x00, counted(5)),
      ),
    ],
  },
  {
    description: "the rest packed, with a match of the bytes of the flow's last frame",
    frames: [saying(plain(LINE_FRAME), next(22, 0x80, form(...LINE_AGAIN)))],
  },
  {
    description: "the rest packed, and none of it",
    frames: [saying(plain(LINE_FRAME), next(0, 0x80, form(0x00)))],
  },
  {
    description: "the rest packed, and from before the flow's last frame",
    frames: [
      saying(plain(LINE_FRAME), next(3, 0x00, SHORT_REST), next(22, 0x80, form(...LINE_AGAIN))),
    ],
    refused: [NO_MATCH],
  },
  {
    description:
      "4,096 bytes behind the headers are a flow's dictionary, which is not their device's",
    frames: [
      saying(
        plain(LINE_FRAME),
        next(4096, 0x80, packed(new Array<number>(4096).fill(0))),
        next(22, 0x80, form(...LINE_AGAIN)),
      ),
    ],
  },
  {
    description: "4,097 bytes behind the headers are none",
    frames: [
      saying(
        plain(LINE_FRAME),
        next(4097, 0x80, packed(new Array<number>(4097).fill(0))),
        next(22, 0x80, form(...LINE_AGAIN)),
      ),
    ],
    refused: [NO_MATCH],
  },
  {
    description: "the longest frame",
    frames: [
      saying(
        plain(LINE_FRAME),
        next(
          65_536 - HEADERS_BYTES,
          0x80,
          packed(new Array<number>(65_536 - HEADERS_BYTES).fill(0)),
        ),
        next(0, 0x00),
      ),
    ],
  },
  {
    description: "a frame that was an LZ4 block is the next one's flow as well",
    frames: [
      saying(
        { length: LINE_FRAME.length, bytes: packed([...LINE_FRAME]) },
        next(3, 0x00, SHORT_REST),
      ),
    ],
  },
  {
    description: "a frame in form 1 is its device's dictionary",
    frames: [
      alone(
        ...[0x30, 0, carrier("data", 0, 1, LINE_FRAME.length)],
        ...[carrier("data", 0, 2, SHORT_FRAME.length), carrier("data", 0, 2, SHORT_FRAME.length)],
        ...[0, [...LINE_FRAME], 1, FLOW, 0x00, SHORT_REST],
        packed([...SHORT_FRAME], [...SHORT_FRAME]),
      ),
    ],
  },
  {
    description: "a flow is of whoever came last, with another one's port",
    frames: [saying(plain(LINE_FRAME), plain(collision()), next(3, 0x00, SHORT_REST))],
  },
  {
    description: "what is no TCP frame is in no flow, and leaves the flow as it is",
    frames: NONE.map(([, frame]) =>
      saying(plain(LINE_FRAME), plain(frame), next(3, 0x00, SHORT_REST))
    ),
  },
  ...NONE.map(([what, frame]): Definition => ({
    description: `a flow that had only data ${what}`,
    frames: [saying(plain(frame), next(3, 0x00, SHORT_REST))],
    refused: [EMPTY],
  })),
  {
    description: "a flow that was another kind's",
    frames: ["state", "control"].map((kind) =>
      alone(
        ...[0x20, 0, carrier(kind as "state", 0, 0, LINE_FRAME.length)],
        ...[carrier("data", 0, 0, HEADERS_BYTES), 0, [...LINE_FRAME], 1, FLOW, 0],
      )
    ),
    refused: [EMPTY, EMPTY],
  },
  {
    description: "another flow than the one that there is",
    frames: [
      saying(plain(LINE_FRAME), { length: HEADERS_BYTES, bytes: [1, FLOW + 1, 0] }),
    ],
    refused: [EMPTY],
  },
  {
    description: "the flow 64 and so many more than the one that there is",
    frames: [
      saying(plain(LINE_FRAME), { length: HEADERS_BYTES, bytes: [1, 64, 0] }),
      saying(plain(LINE_FRAME), { length: HEADERS_BYTES, bytes: [1, FLOW + 64, 0] }),
    ],
    refused: ["there is no such flow", "there is no such flow"],
  },
  {
    description: "a flow of the chain before",
    frames: [
      ...chainOf(payload(plain(LINE_FRAME)), payload(next(3, 0x00, SHORT_REST))),
      ...chainOf(payload(next(3, 0x00, SHORT_REST))),
    ],
    refused: [EMPTY],
  },
  {
    description: "form 1 of 53 bytes of data, and of what were a block of one byte",
    frames: [
      saying(plain(LINE_FRAME), { length: 53, bytes: [1, FLOW, 0x00] }),
      saying(plain(LINE_FRAME), { length: 53, bytes: [1, 0x00] }),
    ],
    refused: [NO_FRAME, NO_FRAME],
  },
  {
    description: "form 1 of state and of control",
    frames: ["state", "control"].map((kind) =>
      alone(
        ...[0x20, 0, carrier("data", 0, 0, LINE_FRAME.length)],
        ...[carrier(kind as "state", 0, 0, HEADERS_BYTES), 0, [...LINE_FRAME], 1, FLOW, 0],
      )
    ),
    refused: [NO_FRAME, NO_FRAME],
  },
  {
    description: "an acknowledgment 2^32 further",
    frames: [saying(plain(LINE_FRAME), next(0, 0x08, varint(2 ** 32)))],
    refused: ["a number is above its limit"],
  },
  {
    description: "what ends before the flow, the mask, each field, and the rest",
    frames: [
      saying(plain(FIN_FRAME), { length: HEADERS_BYTES, bytes: [1] }),
      saying(plain(FIN_FRAME), { length: HEADERS_BYTES, bytes: [1, FLOW] }),
      ...[[0x01, 1], [0x02, 1], [0x04, 3], [0x08, 0], [0x10, 0], [0x20, 1], [0x40, 1], [0x80, 0]]
        .map(([mask, bytes]) => saying(plain(FIN_FRAME), next(0, mask!, counted(bytes!)))),
      saying(plain(FIN_FRAME), next(3, 0x00, [1, 2])),
    ],
    refused: new Array<string>(11).fill(ENDS),
  },
  {
    description: "a block of no bytes",
    frames: [saying(plain(LINE_FRAME), next(0, 0x80, form()))],
    refused: [ENDS],
  },
  {
    description: "a block that says a byte more, and one less, than the rest has",
    frames: [
      saying(plain(LINE_FRAME), next(2, 0x80, form(0x30, ...SHORT_REST))),
      saying(plain(LINE_FRAME), next(4, 0x80, form(0x30, ...SHORT_REST))),
    ],
    refused: [
      "a block says more than the event's length",
      "a block says less than the event's length",
    ],
  },
];
