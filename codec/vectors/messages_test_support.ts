/** Vectors of messages: vectors/messages.json. */
import { sealReference, sealReferenceMessage } from "../reference_frame_test_support.ts";
import { counted, type Definition, varint } from "../vector_test_support.ts";

const MOST = Number.MAX_SAFE_INTEGER;
const message = { kind: 2, chain: "alone", level: "fast" } as const;
const small = sealReferenceMessage(2, { generation: 1, sequence: 2, through: 3 }, [4]);

/** Messages. */
export const MESSAGES: readonly Definition[] = [
  {
    description: "the lowest kind, nothing in it",
    frames: [sealReferenceMessage(2, { generation: 0, sequence: 0, through: 0 }, [])],
  },
  {
    description: "the highest kind, the largest numbers",
    frames: [
      sealReferenceMessage(
        31,
        { generation: 2 ** 32 - 1, sequence: MOST, through: MOST },
        counted(20),
      ),
    ],
  },
  {
    description: "a generation that is no u32",
    frames: [sealReference(message, [...varint(2 ** 32), 0, 0])],
    refused: ["a number is above its limit"],
  },
  {
    description: "a sequence above 2^53 - 1",
    frames: [sealReference(message, [0, ...varint(2 ** 53), 0])],
    refused: ["a number is above its limit"],
  },
  {
    description: "a varint of nine bytes",
    frames: [sealReference(message, [0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0])],
    refused: ["a varint does not end"],
  },
  {
    description: "a varint that is longer than it has to be",
    frames: [sealReference(message, [0, 0x81, 0x00, 0])],
    refused: ["a varint is longer than it has to be"],
  },
  {
    description: "it ends after two numbers",
    frames: [sealReference(message, [0, 0])],
    refused: ["it ends inside a field"],
  },
  {
    description: "a message that begins a chain",
    frames: [sealReference({ ...message, chain: "begins" }, [0, 0, 0])],
    refused: ["a message is alone"],
  },
  {
    description: "a message that is dense",
    frames: [sealReference({ ...message, level: "dense" }, [0, 0, 0])],
    refused: ["a message is fast"],
  },
  {
    description: "a bit of what it says is another one",
    frames: [small.with(small.length - 1, 5)],
    refused: ["the crc32c does not fit"],
  },
  {
    description: "a frame of the log is no message",
    frames: [sealReference({ ...message, kind: 1 }, [0, 0, 0])],
    refused: ["a frame of the log is no message"],
  },
];
