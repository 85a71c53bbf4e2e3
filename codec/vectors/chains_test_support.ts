/** Vectors of frames that depend on those before them: vectors/chains.json. */
import {
  crcIn,
  reseal,
  sealReference,
  sealReferenceMessage,
} from "../reference_frame_test_support.ts";
import {
  after,
  alone,
  altered,
  carrier,
  chainOf,
  counted,
  type Definition,
  packed,
  time,
  u32,
  varint,
} from "../vector_test_support.ts";

const NO_CHAIN = "there is no chain to continue";
const CRC = "the crc32c does not fit";
const learned = [time(1, 1000), time(1, 1000), time(1, 1000)].flat();
const three = chainOf([0x30, 0, learned], [0x10, 0, 0x40], [0x10, 0, 0x41]);
const [first, second, third] = three as [Uint8Array, Uint8Array, Uint8Array];
const changesLevel = sealReference(
  { kind: 1, chain: "continues", level: "dense" },
  [2 * 2 + 1, 0x00, 0],
  crcIn(first),
);
const bytes = counted(40);

/** Chains. */
export const CHAINS: readonly Definition[] = [
  {
    description:
      "generation and checksums are kept, sequences go on by one, until a frame says another",
    frames: chainOf(
      [0x0f, 3, 41, u32(5), u32(6), 0],
      [0x00, 0],
      [0x01, 4, 0],
      [0x02, 100, 0],
      [0x04, u32(7), 0],
      [0x08, u32(8), 0],
      [0x00, 0],
    ),
  },
  {
    description:
      "through: from the last event, or from the through before; points go on from there",
    frames: chainOf([0x10, 5, time(10, 1)], [0x00, 5], [0x10, 5, time(10, 1)]),
  },
  {
    description: "clocks, predictions and steps go on",
    frames: [first, second, third],
  },
  {
    description: "dictionaries go on",
    frames: chainOf(
      [0x10, 0, carrier("state", 0, 1, 40), 0, bytes],
      [0x00, 0],
      [0x10, 0, carrier("state", 0, 1, 40), packed(bytes, bytes)],
    ),
  },
  {
    description: "frames that are alone or begin are fresh; chains may come after both",
    frames: [...three, alone(0x30, 0, learned), ...three, ...three],
  },
  {
    description: "a sequence above 2^53 - 1",
    frames: chainOf([0x02, varint(Number.MAX_SAFE_INTEGER), 0], [0x00, 0]),
    refused: ["a number is above 2^53 - 1"],
  },
  {
    description: "a frame is left out: its crc32c is missed, and the chain is over",
    frames: [first, third, second],
    refused: [CRC, NO_CHAIN],
  },
  {
    description: "a frame comes twice",
    frames: [first, second, second, third],
    refused: [CRC, NO_CHAIN],
  },
  {
    description: "the crc32c is that of the frame by itself",
    frames: [first, reseal(second.slice())],
    refused: [CRC],
  },
  {
    description: "it continues a frame that is alone",
    frames: [first, alone(0x30, 0, learned), second],
    refused: [NO_CHAIN],
  },
  {
    description: "it continues a frame that was refused",
    frames: [first, altered(second, 9, 0x20), second, first, second],
    refused: [CRC, NO_CHAIN],
  },
  {
    description: "a new chain forgets what the one before has taught",
    frames: [first, ...chainOf([0x00, 0], [0x10, 0, 0x40])],
    refused: ["no event is predicted"],
  },
  {
    description: "a chain changes its level",
    frames: [first, changesLevel, second],
    refused: ["a chain changes its level", NO_CHAIN],
  },
  {
    description: "a message is given to the log's decoder",
    frames: [
      first,
      sealReferenceMessage(2, { generation: 0, sequence: 0, through: 0 }, []),
      second,
    ],
    refused: ["a message is no frame of the log", NO_CHAIN],
  },
  {
    description: "a fault inside a frame that continues",
    frames: [first, after(first, 0x10, 0, 0xa9), after(first, 0x00, 0)],
    refused: ["a run goes beyond the last event", NO_CHAIN],
  },
];
