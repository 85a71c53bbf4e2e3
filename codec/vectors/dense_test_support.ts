/** Vectors of frames at level dense: vectors/dense.json. */
import { sealReference } from "../reference_frame_test_support.ts";
import {
  carrier,
  counted,
  type Definition,
  denseChainOf,
  time,
  varint,
} from "../vector_test_support.ts";

const learned = [time(1, 1000), time(1, 1000), time(1, 1000)].flat();
const text = (line: string) => [...new TextEncoder().encode(line)];
const LINE = "the quick brown fox jumps over the lazy dog; ";
const ticks = [0xf0, 35, 0, learned, Array.from({ length: 47 }, (_, index) => 0x40 + index % 3)];
const line = [0x10, 0, carrier("data", 1, 0, 4 * LINE.length), 0, text(LINE.repeat(4))];
const short = [0x10, 0, time(1, 5)];
const [coded, storedFrame] = [denseChainOf([ticks])[0]!, denseChainOf([ticks], [0])[0]!];

/** A frame that begins a chain, with what comes after this frame's header changed. */
function changed(frame: Uint8Array, change: (payload: number[]) => number[]): Uint8Array {
  const head = { kind: 1, chain: "begins", level: "dense" } as const;
  return sealReference(head, change([...frame.subarray(9)]));
}

/** Dense frames. */
export const DENSE: readonly Definition[] = [
  {
    description: "a coded payload, in a frame that begins and in one that is alone",
    frames: [
      coded,
      sealReference({ kind: 1, chain: "alone", level: "dense" }, coded.subarray(9)),
    ],
  },
  { description: "a stored payload", frames: [storedFrame] },
  { description: "text, in a chain: the model goes on", frames: denseChainOf([line, line, line]) },
  {
    description: "longer and shorter payloads after each other",
    frames: denseChainOf([ticks, short, line, short, ticks]),
  },
  {
    description: "the model learns from stored payloads too",
    frames: denseChainOf([line, line, ticks, ticks], [0, 2]),
  },
  {
    description: "every value of a byte, again and again",
    frames: denseChainOf([
      [0x10, 0, carrier("state", 0, 0, 256), 0, counted(256)],
      [0x10, 0, carrier("state", 0, 0, 256), 0, counted(256, 128)],
    ]),
  },
  {
    description: "a chain is over, and the next one's model is fresh",
    frames: [...denseChainOf([line, line]), ...denseChainOf([line, line])],
  },
  {
    description: "three zeros behind a coded payload, which was one byte longer than its position",
    frames: [changed(coded, (payload) => [...payload, 0, 0, 0])],
  },
  {
    description: "four zeros behind it",
    frames: [changed(coded, (payload) => [...payload, 0, 0, 0, 0])],
    refused: ["there are coded bytes that say nothing"],
  },
  {
    description: "a long payload of which nothing is there",
    frames: [changed(coded, () => varint(2 * 2 ** 20))],
    refused: ["coded bytes are missing"],
  },
  {
    description: "a coded payload without any bytes",
    frames: [changed(coded, () => [0])],
    refused: ["it ends inside a field"],
  },
  {
    description: "a payload longer than there may be",
    frames: [changed(coded, (payload) => [...varint(2 * (2 ** 20 + 65)), ...payload.slice(1)])],
    refused: ["the fast payload is too long"],
  },
  {
    description: "a stored payload with a byte more",
    frames: [changed(storedFrame, (payload) => [...payload, 0])],
    refused: ["the stored payload has another length"],
  },
  {
    description: "a stored payload with a byte less",
    frames: [changed(storedFrame, (payload) => payload.slice(0, -1))],
    refused: ["the stored payload has another length"],
  },
  {
    description: "a fault in what was coded",
    frames: [...denseChainOf([[0x10, 0, 0x40], short])],
    refused: ["no event is predicted", "there is no chain to continue"],
  },
];
