/**
 * How large a log is in our stream, at each level, and how large the same frames and events are in other encodings,
 * plain and compressed.
 *
 * Called by main.ts.
 */
import { type Distribution, Sizes } from "../../log/sizes.ts";
import { encodeCbor } from "./cbor_layout.ts";
import { compressedBytes, type Compressor, COMPRESSORS, ZSTD_3 } from "./compressors.ts";
import type { BenchFrame, BenchLog, RecordedFrame } from "./events.ts";
import { encodeFixed } from "./fixed_layout.ts";
import { encodeFrames, type Level, LEVELS } from "./stream.ts";
import { encodeVarints } from "./varint_layout.ts";

/** An encoding that ours is compared with. */
export interface Baseline {
  readonly encoding: string;
  /** Null: this machine does not have the program. */
  readonly bytes: number | null;
}

/** What something costs in our stream. */
export interface Cost {
  /** A kind of event; `frame`: what there is of a frame beside its events. */
  readonly what: string;
  readonly count: number;
  /** All of one's bytes. */
  readonly bytes: Distribution;
  /** Without what entered the machine: the clock, the bytes that an event carries. */
  readonly overheadBytes: Distribution;
}

/** The sizes of a log, or of several. */
export interface LogSizes {
  readonly name: string;
  readonly frames: number;
  readonly events: number;
  /** Apart: it is in nothing else here. */
  readonly firstState: { readonly frames: number; readonly bytes: number };
  readonly levels: Readonly<Record<Level, number>>;
  readonly baselines: readonly Baseline[];
}

/** Those of one log. */
export interface MeasuredSizes extends LogSizes {
  /** Of the stream as it was recorded. */
  readonly costs: readonly Cost[];
}

const LAYOUTS: readonly {
  readonly name: string;
  readonly encode: (frames: readonly BenchFrame[]) => Uint8Array<ArrayBuffer>;
  readonly compressors: readonly Compressor[];
}[] = [
  { name: "fixed layout", encode: encodeFixed, compressors: COMPRESSORS },
  { name: "CBOR", encode: encodeCbor, compressors: [ZSTD_3] },
  { name: "protobuf-like", encode: encodeVarints, compressors: [ZSTD_3] },
];

/** Encodes a log in all ways. @throws UnavailableError if a compressor fails */
export async function measureSizes(log: BenchLog): Promise<MeasuredSizes> {
  const { name, frames } = log;
  const baselines: Baseline[] = [];
  for (const layout of LAYOUTS) {
    const bytes = layout.encode(frames);
    baselines.push({ encoding: layout.name, bytes: bytes.length });
    for (const compressor of layout.compressors) {
      const compressed = await compressedBytes(compressor, bytes) ?? null;
      baselines.push({ encoding: `${layout.name}, ${compressor.name}`, bytes: compressed });
    }
  }
  const levels = LEVELS.map((level, index) => [
    level,
    // The first one is what the file has.
    index === 0 ? streamBytes(frames) : lengthOf(encodeFrames(frames, level)),
  ]);
  return {
    name,
    frames: frames.length,
    events: sum(frames, ({ events }) => events.length),
    firstState: { frames: log.firstState.length, bytes: streamBytes(log.firstState) },
    levels: Object.fromEntries(levels),
    baselines,
    costs: costsOf(frames),
  };
}

/** All logs together, which have the same rows. */
export function total(logs: readonly LogSizes[]): LogSizes {
  const [first] = logs;
  return {
    name: "all",
    frames: sum(logs, ({ frames }) => frames),
    events: sum(logs, ({ events }) => events),
    firstState: {
      frames: sum(logs, ({ firstState }) => firstState.frames),
      bytes: sum(logs, ({ firstState }) => firstState.bytes),
    },
    levels: Object.fromEntries(
      LEVELS.map((level) => [level, sum(logs, ({ levels }) => levels[level])]),
    ) as Record<Level, number>,
    baselines: first!.baselines.map(({ encoding }, row) => {
      const all = logs.map(({ baselines }) => baselines[row]!.bytes);
      // A sum that lacks one is none.
      const bytes = all.includes(null) ? null : sum(all, (bytes) => bytes!);
      return { encoding, bytes };
    }),
  };
}

function costsOf(frames: readonly RecordedFrame[]): Cost[] {
  const tallies = new Map<string, { bytes: Sizes; overhead: Sizes }>();
  const add = (what: string, overheadBytes: number, payloadBytes: number) => {
    let tally = tallies.get(what);
    if (tally === undefined) {
      tallies.set(what, tally = { bytes: new Sizes(), overhead: new Sizes() });
    }
    tally.bytes.add(overheadBytes + payloadBytes);
    tally.overhead.add(overheadBytes);
  };
  for (const { events, eventBytes, streamBytes } of frames) {
    let frameBytes = streamBytes;
    for (const [index, { kind }] of events.entries()) {
      const { overheadBytes, payloadBytes } = eventBytes[index]!;
      add(kind, overheadBytes, payloadBytes);
      frameBytes -= overheadBytes + payloadBytes;
    }
    add("frame", frameBytes, 0);
  }
  return [...tallies].map(([what, { bytes, overhead }]) => ({
    what,
    count: bytes.count,
    bytes: bytes.distribution(),
    overheadBytes: overhead.distribution(),
  }));
}

function streamBytes(frames: readonly RecordedFrame[]): number {
  return sum(frames, ({ streamBytes }) => streamBytes);
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return sum(parts, ({ length }) => length);
}

function sum<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((all, item) => all + amount(item), 0);
}
