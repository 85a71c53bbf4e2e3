/** Vectors of frames that are alone, and of what stands in front of their events: vectors/frames.json. */
import { reseal, sealReference, sealReferenceMessage } from "../reference_frame_test_support.ts";
import {
  alone,
  altered,
  carrier,
  type Definition,
  time,
  u32,
  varint,
} from "../vector_test_support.ts";

const MOST = Number.MAX_SAFE_INTEGER;
const empty = alone(0x00, 0);
const times = (count: number) => Array.from({ length: count }, () => time(1, 1)).flat();

/** Frames that are alone. */
export const FRAMES: readonly Definition[] = [
  { description: "nothing said, no events", frames: [empty] },
  {
    description: "no events, and all that a frame can say, at its largest",
    frames: [
      alone(
        0x0f,
        varint(2 ** 32 - 1),
        varint(MOST),
        u32(0xfedcba98),
        u32(2 ** 32 - 1),
        varint(MOST),
      ),
    ],
  },
  {
    description: "each number that a frame may leave out, by itself",
    frames: [
      alone(0x01, 7, 0),
      alone(0x02, 7, 0),
      alone(0x04, u32(7), 0),
      alone(0x08, u32(7), 0),
    ],
  },
  {
    description: "an event of each kind, written out",
    frames: [
      alone(
        0x40,
        9,
        time(100, 77_000_000),
        carrier("data", 14, 2, 3),
        carrier("state", 15, 255, 1),
        carrier("control", 0, 0, 0),
        [0x6c, 0x73, 0x0a, 0xff],
      ),
    ],
  },
  {
    description: "the largest point and clock, and through there",
    frames: [alone(0x20, 0, time(0, 0), time(MOST, MOST))],
  },
  { description: "14 events", frames: [alone(0xe0, 0, times(14))] },
  { description: "15 events, and 0 more", frames: [alone(0xf0, 0, 0, times(15))] },
  { description: "15 events, and 5 more", frames: [alone(0xf0, 5, 0, times(20))] },
  {
    description: "too many events",
    frames: [alone(0xf0, varint(65_537 - 15), 0, 0xc0, 0, 0xc0, 0, 0xbf, varint(65_537 - 26))],
    refused: ["there are too many events"],
  },
  {
    description: "a generation that is no u32",
    frames: [alone(0x01, varint(2 ** 32), 0)],
    refused: ["a number is above its limit"],
  },
  {
    description: "through above 2^53 - 1",
    frames: [alone(0x10, varint(MOST), time(1, 0))],
    refused: ["a number is above 2^53 - 1"],
  },
  { description: "no payload", frames: [alone()], refused: ["it ends inside a field"] },
  {
    description: "it ends before its last event",
    frames: [alone(0x20, 0, time(1, 1))],
    refused: ["it ends inside a field"],
  },
  {
    description: "it ends before its last byte",
    frames: [alone(0x10, 0, carrier("data", 0, 0, 3), 1, 2)],
    refused: ["it ends inside a field"],
  },
  {
    description: "a byte more than the events have",
    frames: [alone(0x10, 0, time(1, 1), 0)],
    refused: ["there is more than the events"],
  },
  {
    description: "another magic",
    frames: [reseal(altered(empty, 0, 0xd1))],
    refused: ["the magic is not d2"],
  },
  {
    description: "kind 0",
    frames: [reseal(altered(empty, 1, 0x00))],
    refused: ["there is no kind 0"],
  },
  {
    description: "chain 3",
    frames: [reseal(altered(empty, 1, 0x61))],
    refused: ["there is no chain 3"],
  },
  {
    description: "a message",
    frames: [sealReferenceMessage(2, { generation: 0, sequence: 0, through: 0 }, [])],
    refused: ["a message is no frame of the log"],
  },
  {
    description: "a crc32c with a bit too many",
    frames: [altered(empty, 2, empty[2]! ^ 1)],
    refused: ["the crc32c does not fit"],
  },
  {
    description: "a payload that is longer than its header says",
    frames: [Uint8Array.of(...empty, 0)],
    refused: ["the length is not what the header says"],
  },
  {
    description: "a payload that is shorter than its header says",
    frames: [empty.slice(0, -1)],
    refused: ["the length is not what the header says"],
  },
  {
    description: "a header that promises more than there may be",
    frames: [altered(empty, 6, 0x41, 0x00, 0x10)],
    refused: ["the payload is too long"],
  },
  {
    description: "less than a header",
    frames: [empty.slice(0, 8)],
    refused: ["it ends inside a field"],
  },
  {
    description: "it continues, and there is nothing before it",
    frames: [sealReference({ kind: 1, chain: "continues", level: "fast" }, [0x00, 0])],
    refused: ["there is no chain to continue"],
  },
];
