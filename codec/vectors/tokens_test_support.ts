/** Vectors of events and of the tokens that say them: vectors/tokens.json. */
import { alone, carrier, type Definition, time, varint } from "../vector_test_support.ts";

const MOST = Number.MAX_SAFE_INTEGER;
/** Three time events, of which the third teaches a fresh context what comes after two such. */
const learned = [time(1, 1_000_000), time(1, 1_000_000), time(1, 1_000_000)].flat();
/** What comes after two such is another event, and then two such come. */
const aside = [time(9, 5), time(1, 6), time(1, 7)].flat();
/** The same with data events. */
const typed = [1, 2, 3].flatMap(() => carrier("data", 2, 5, 1));

/** Events by their tokens. */
export const TOKENS: readonly Definition[] = [
  {
    description: "residuals of seven bits: -64, 0, 63, each from the last step",
    frames: [alone(0x60, 0, learned, 0x00, 0x40, 0x7f)],
  },
  {
    description: "residuals of 13 bits: -4096, 0, 4095",
    frames: [alone(0x60, 0, learned, 0x80, 0x00, 0x90, 0x00, 0x9f, 0xff)],
  },
  {
    description: "residuals of 19 bits: -262144, 0, 262143",
    frames: [alone(0x60, 0, learned, 0xa0, 0, 0, 0xa4, 0, 0, 0xa7, 0xff, 0xff)],
  },
  {
    description: "runs of 1, 2 and 23 events, which learn nothing new",
    frames: [alone(0xf0, 14, 0, learned, 0xa8, 0xa9, 0xbe)],
  },
  {
    description: "runs of 24 and 40 events",
    frames: [alone(0xf0, varint(3 + 64 - 15), 0, learned, 0xbf, 0, 0xbf, 16)],
  },
  {
    description: "a run of events that carry bytes",
    frames: [alone(0x50, 0, typed, 0xa9, 0x61, 0x62, 0x63, 0x64, 0x65)],
  },
  {
    description:
      "a pattern of two events: each is predicted after the other once both have come twice",
    frames: [
      alone(
        0x80,
        0,
        [1, 2].flatMap(() => [...time(1, 50), ...carrier("data", 1, 0, 1)]),
        time(1, 60),
        [0xa8, 0x44, 0xa8, 1, 2, 3, 4],
      ),
    ],
  },
  {
    description: "what came three times stays predicted, when twice something else comes instead",
    frames: [alone(0xf0, 1, 0, learned, 0xa9, aside, aside, 0x40, aside, 0x41)],
  },
  {
    description: "what came once is predicted no more, when something else comes instead",
    frames: [alone(0x70, 0, learned, aside, 0x40)],
  },
  {
    description: "two shapes with the same hash are two shapes: points that differ by 2^32",
    frames: [
      alone(
        0x70,
        0,
        [time(1, 10), time(2 ** 32 + 1, 20), time(1, 30), time(1, 40)].flat(),
        0x40,
        time(2 ** 32 + 1, 60),
        0x41,
      ),
    ],
  },
  {
    description: "a fresh context predicts nothing",
    frames: [alone(0x10, 0, 0x40)],
    refused: ["no event is predicted"],
  },
  {
    description: "nor does it for a run",
    frames: [alone(0x10, 0, 0xa8)],
    refused: ["no event is predicted"],
  },
  {
    description: "a residual, and the predicted event is no time event",
    frames: [alone(0x40, 0, typed, 0x40, 1, 2, 3, 4)],
    refused: ["the predicted event is no time event"],
  },
  {
    description: "a residual that takes the clock backwards",
    frames: [
      alone(0x40, 0, time(1, 64), time(1, 64), time(1, 64), 0x00),
      alone(0x40, 0, time(1, 63), time(1, 63), time(1, 63), 0x00),
    ],
    refused: ["the clock goes backwards"],
  },
  {
    description: "a run beyond the last event",
    frames: [alone(0x40, 0, learned, 0xa9)],
    refused: ["a run goes beyond the last event"],
  },
  {
    description: "a run of 2^53 - 1 events and 24",
    frames: [alone(0x40, 0, learned, 0xbf, varint(MOST))],
    refused: ["a run goes beyond the last event"],
  },
  {
    description: "points above 2^53 - 1, in one event",
    frames: [alone(0x10, 0, 0xfc, varint(MOST), 0)],
    refused: ["a number is above 2^53 - 1"],
  },
  {
    description: "points above 2^53 - 1, over two events",
    frames: [alone(0x20, 0, time(MOST, 0), time(1, 0))],
    refused: ["a number is above 2^53 - 1"],
  },
  {
    description: "a clock above 2^53 - 1",
    frames: [alone(0x20, 0, time(0, MOST), time(0, 1))],
    refused: ["a number is above 2^53 - 1"],
  },
  {
    description: "a predicted clock above 2^53 - 1",
    frames: [2 ** 50, 2 ** 51].map((us) =>
      alone(0x40, 0, [1, 2, 3].flatMap(() => time(0, us)), 0xa8)
    ),
    refused: ["a number is above 2^53 - 1"],
  },
  ...(["data", "state", "control"] as const).map((kind): Definition => ({
    description: `more bytes than a ${kind} event may carry`,
    frames: [alone(0x10, 0, carrier(kind, 0, 0, (kind === "state" ? 262_144 : 65_536) + 1), 0)],
    refused: ["an event has too many bytes"],
  })),
  {
    description: "more bytes than a frame's events may carry",
    frames: [
      alone(
        0x50,
        0,
        [1, 2, 3, 4].flatMap(() => carrier("state", 0, 0, 262_144)),
        carrier("data", 0, 0, 1),
      ),
    ],
    refused: ["the events have too many bytes"],
  },
];
