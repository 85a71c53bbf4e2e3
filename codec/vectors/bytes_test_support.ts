/** Vectors of the bytes that events carry, and of dictionaries: vectors/bytes.json. */
import { alone, carrier, counted, type Definition, form, packed } from "../vector_test_support.ts";

const forty = counted(40, 1);
const kept = [...carrier("state", 0, 1, 40)];
/** Five literals: how a block ends that LZ4 itself would write. */
const END = [0x50, 91, 92, 93, 94, 95];
/** A match of 40 bytes that begins `offset` bytes back. */
const back = (offset: number) => [0x0f, offset, 0, 40 - 19];
const zeros = (length: number) => new Array<number>(length).fill(0);

/** A state event that becomes a dictionary, and another one that is this block. */
function intoDictionary(length: number, ...block: number[]): Uint8Array {
  return alone(0x20, 0, kept, carrier("state", 0, 1, length), 0, forty, form(...block));
}

/** An event that may become a dictionary of zeros, and another one that is 40 of them if it does. */
function afterZeros(kind: "data" | "state", length: number): Uint8Array {
  return alone(
    0x20,
    0,
    carrier(kind, 0, 1, length),
    carrier(kind, 0, 1, 45),
    packed(zeros(length)),
    form(...back(40), ...END),
  );
}

/** Bytes. */
export const BYTES: readonly Definition[] = [
  {
    description: "31 bytes have no form, 32 have one",
    frames: [
      alone(
        0x20,
        0,
        carrier("data", 0, 0, 31),
        carrier("data", 0, 0, 32),
        counted(31),
        0,
        counted(32),
      ),
    ],
  },
  {
    description: "a block of literals only",
    frames: [alone(0x10, 0, carrier("data", 0, 0, 32), form(0xf0, 17, ...counted(32)))],
  },
  {
    description: "a match that repeats its own first byte",
    frames: [alone(0x10, 0, carrier("control", 0, 0, 40), form(0x1f, 7, 1, 0, 34 - 19, ...END))],
  },
  {
    description: "a match of the whole dictionary",
    frames: [intoDictionary(45, ...back(40), ...END)],
  },
  {
    description: "a match that runs over the dictionary's end, into what it makes itself",
    frames: [intoDictionary(45, ...back(30), ...END)],
  },
  {
    description: "a block that ends with fewer literals than LZ4 itself would write, also none",
    frames: [intoDictionary(41, ...back(40), 0x10, 9), intoDictionary(40, ...back(40), 0x00)],
  },
  {
    description: "the length of a match in the last token, which has none, says nothing",
    frames: [intoDictionary(45, ...back(40), 0x5f, ...END.slice(1))],
  },
  {
    description:
      "a dictionary is kept over shorter events, and shared by selectors that are the same mod 8",
    frames: [
      alone(
        0x30,
        0,
        [kept, carrier("state", 0, 9, 31), carrier("state", 0, 249, 45)].flat(),
        [0, ...forty, ...counted(31)],
        form(...back(40), ...END),
      ),
    ],
  },
  {
    description: "events of 4,096 bytes of data, and of 65,536 bytes of state, become dictionaries",
    frames: [afterZeros("data", 4096), afterZeros("state", 65_536)],
  },
  {
    description: "one of 4,097 bytes of data does not",
    frames: [afterZeros("data", 4097)],
    refused: ["a match reaches back to nothing"],
  },
  {
    description: "one of 65,537 bytes of state does not",
    frames: [afterZeros("state", 65_537)],
    refused: ["a match reaches back to nothing"],
  },
  {
    description: "another kind has another dictionary",
    frames: [
      alone(0x20, 0, kept, carrier("data", 0, 1, 45), 0, forty, form(...back(40), ...END)),
    ],
    refused: ["a match reaches back to nothing"],
  },
  {
    description: "another selector has another dictionary, unless it is the same mod 8",
    frames: [
      alone(0x20, 0, kept, carrier("state", 0, 5, 45), 0, forty, form(...back(40), ...END)),
    ],
    refused: ["a match reaches back to nothing"],
  },
  {
    description: "a match from before the dictionary",
    frames: [intoDictionary(45, ...back(41), ...END)],
    refused: ["a match reaches back to nothing"],
  },
  {
    description: "a match from 0 bytes back",
    frames: [intoDictionary(45, ...back(0), ...END)],
    refused: ["a match reaches back to nothing"],
  },
  {
    description: "a block that says a byte less than the event has",
    frames: [intoDictionary(46, ...back(40), ...END)],
    refused: ["a block says less than the event's length"],
  },
  {
    description: "a block that says a byte more than the event has, in its literals",
    frames: [intoDictionary(44, ...back(40), ...END)],
    refused: ["a block says more than the event's length"],
  },
  {
    description: "a block that says a byte more than the event has, in a match",
    frames: [intoDictionary(39, ...back(40), ...END)],
    refused: ["a block says more than the event's length"],
  },
  {
    description: "a block that ends after a match",
    frames: [intoDictionary(40, ...back(40))],
    refused: ["it ends inside a field"],
  },
  {
    description: "a block that ends inside an offset",
    frames: [intoDictionary(40, 0x0f, 40)],
    refused: ["it ends inside a field"],
  },
  {
    description: "a block that ends inside the length of a match",
    frames: [intoDictionary(400, 0x0f, 40, 0, 255)],
    refused: ["it ends inside a field"],
  },
  {
    description: "a block that ends inside the number of its literals",
    frames: [intoDictionary(400, 0xf0, 255)],
    refused: ["it ends inside a field"],
  },
  {
    description: "a block that ends inside its literals",
    frames: [intoDictionary(45, 0xf0, 30, ...counted(44))],
    refused: ["it ends inside a field"],
  },
  {
    description: "a block that goes beyond the payload",
    frames: [alone(0x10, 0, carrier("data", 0, 0, 32), 34, 0xf0, 17, counted(31))],
    refused: ["it ends inside a field"],
  },
];
