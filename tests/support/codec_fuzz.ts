/**
 * Streams of log frames, altered, and what must hold of them for the codec's WASM: it reads a frame or refuses it with a
 * `PeerError`, takes no more memory than the format's bounds allow, and what it reads keeps to them.
 *
 * Called by tests/campaigns/codec.ts, and with few streams by tests/codec_fuzz_test.ts.
 */
import assert from "node:assert/strict";
import { PeerError } from "../../base/errors.ts";
import type { Bytes } from "../../base/layout.ts";
import {
  crc32c,
  FrameDecoder,
  FrameEncoder,
  HEADER_BYTES,
  type LogClosing,
  MAX_DATA_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_STATE_BYTES,
  readHeader,
} from "../../codec/codec.ts";
import { wasmBytes } from "../../codec/wasm_memory.ts";
import { Random } from "./random.ts";

/** Altered streams that are made of one. */
const STREAMS_PER_EPISODE = 250;
/** Of so many episodes one has its stream at level dense, which is slow. */
const DENSE_EVERY = 64;
/**
 * What the WASM may hold: a frame as it came, as it is at level fast, what its events carry, and a record of each, at
 * their bounds about 5 MiB; context, dictionaries, model and history 4; all of it twice, because a buffer that grows is
 * there twice meanwhile; and the encoder that makes the streams.
 */
export const MEMORY_BYTES = 32 * 2 ** 20;

/** What came of many streams. */
export interface CodecTally {
  streams: number;
  bytes: number;
  /** Frames that were read, and those that were refused, by their reason. */
  read: number;
  readonly refused: Map<string, number>;
}

/** How to fuzz. */
export interface CodecFuzz {
  readonly seed: number;
  readonly streams: number;
  /** The episode to begin with. */
  readonly first: number;
  /** Called after each episode. */
  progress?(tally: CodecTally): void;
}

/** Runs episodes until there were so many streams. @throws Error that names the episode at a fault */
export function fuzzCodec({ seed, streams, first, progress }: CodecFuzz): CodecTally {
  const tally: CodecTally = { streams: 0, bytes: 0, read: 0, refused: new Map() };
  using decoder = new FrameDecoder();
  for (let episode = first; tally.streams < streams; episode++) {
    const random = new Random(Math.imul(seed, 0x9e3779b1) + Math.imul(episode, 0x85ebca6b) | 0);
    const frames = someFrames(random, episode % DENSE_EVERY === 0);
    for (let number = 0; number < STREAMS_PER_EPISODE; number++) {
      const altered = alter(random, frames);
      try {
        for (const frame of altered) readOrRefuse(decoder, frame, tally);
        assert.ok(wasmBytes().length <= MEMORY_BYTES, `${wasmBytes().length} bytes of memory`);
      } catch (cause) {
        const hex = altered.map((frame) => frame.toHex()).join("\n");
        throw new Error(`episode ${episode}: ${cause}\nframes:\n${hex}`, { cause });
      }
      tally.streams++;
    }
    progress?.(tally);
  }
  return tally;
}

/** A chain of frames of a guest that does much the same over and over, or frames that are alone. */
function someFrames(random: Random, isDense: boolean): Bytes[] {
  const chain = random.pick([1, 2, 8]);
  using encoder = new FrameEncoder({ chain, level: isDense ? "dense" : "fast" });
  const [points, stepUs, length] = [random.below(20), random.below(12_000), random.below(50)];
  const text = new Uint8Array(5000).fill(random.below(256));
  let [point, clockUs, sequence, generation] = [random.below(2 ** 32), random.below(2 ** 32), 0, 1];
  return Array.from({ length: 1 + random.below(4) }, () => {
    for (let left = random.below(12); left > 0; left--) {
      const isOdd = random.below(6) === 0;
      point += isOdd ? random.below(70_000) : points;
      clockUs += isOdd ? random.below(900_000) : stepUs + random.below(3);
      const selector = random.below(3);
      const bytes = text.subarray(0, isOdd ? random.below(random.pick([40, 40, 5000])) : length);
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
      const kind = random.pick(["time", "time", "time", "data", "state", "control"] as const);
      if (kind === "time") encoder.time(point, clockUs);
      else encoder[kind](point, selector, bytes);
    }
    generation += random.below(3) === 0 ? 1 : 0;
    sequence += random.below(5) === 0 ? 2 : 1;
    const closing: LogClosing = {
      generation,
      sequence,
      through: point += random.below(40),
      exitsChecksum: random.below(2 ** 32),
      outputsChecksum: random.below(2),
    };
    return encoder.close(closing);
  });
}

/** The stream with something wrong; as a rule sealed again, so that this gets behind the checksum. */
function alter(random: Random, frames: readonly Bytes[]): Bytes[] {
  const altered = frames.map((frame) => frame.slice());
  if (random.below(12) === 0) altered.splice(random.below(altered.length), 1);
  if (random.below(12) === 0) altered.push(random.pick(frames).slice());
  for (let times = 1 + random.below(3); times > 0 && altered.length > 0; times--) {
    const at = random.below(altered.length);
    altered[at] = alterFrame(random, altered[at]!, random.pick(frames));
  }
  if (random.below(10) > 0) seal(altered);
  return altered;
}

function alterFrame(random: Random, frame: Bytes, other: Bytes): Bytes {
  const at = random.below(frame.length);
  switch (random.below(8)) {
    case 0:
      return frame.slice(0, at);
    case 1:
      return joined(frame.subarray(0, at), other.subarray(random.below(other.length)));
    case 2:
      return joined(frame.subarray(0, at), frame.subarray(random.below(frame.length)));
    case 3: {
      const some = Uint8Array.from({ length: random.below(9) }, () => random.below(256));
      return joined(joined(frame.subarray(0, at), some), frame.subarray(at));
    }
    default:
      // The payload's first bytes say most.
      frame[random.below(2) === 0 ? Math.min(at, HEADER_BYTES + at % 16) : at] = random.pick([
        random.below(256),
        255,
        128,
        frame[at]! ^ 1 << random.below(8),
      ]);
      return frame;
  }
}

function joined(front: Uint8Array, back: Uint8Array): Bytes {
  const both = new Uint8Array(front.length + back.length);
  both.set(front);
  both.set(back, front.length);
  return both;
}

/** Makes magic, kind, length and CRC32C right again, from the first frame on. */
function seal(frames: readonly Bytes[]): void {
  let before = 0;
  for (const frame of frames) {
    if (frame.length < HEADER_BYTES) continue;
    const view = new DataView(frame.buffer);
    const payloadBytes = frame.length - HEADER_BYTES;
    frame[0] = 0xd2;
    frame[1] = frame[1]! & 0xe0 | 1;
    view.setUint16(6, payloadBytes, true);
    frame[8] = payloadBytes >> 16;
    const continues = (frame[1]! >> 5 & 3) === 2;
    const front = Uint8Array.of(frame[0]!, frame[1]!, frame[6]!, frame[7]!, frame[8]!);
    before = crc32c(frame.subarray(HEADER_BYTES), crc32c(front, continues ? before : 0));
    view.setUint32(2, before, true);
  }
}

function readOrRefuse(decoder: FrameDecoder, frame: Bytes, tally: CodecTally): void {
  tally.bytes += frame.length;
  try {
    const { payloadBytes } = readHeader(frame);
    const { eventCount, through } = decoder.open(frame);
    assert.equal(payloadBytes, frame.length - HEADER_BYTES);
    check(decoder, eventCount, through);
    tally.read++;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    const reason = error.message.replace(/^bad frame at byte \d+: | \(found.*$|\d+ bytes/g, "");
    tally.refused.set(reason, (tally.refused.get(reason) ?? 0) + 1);
    assert.equal(decoder.next(), undefined, "a frame that was refused has no events");
  }
}

/** What a frame says keeps to the format's bounds. */
function check(decoder: FrameDecoder, eventCount: number, through: number): void {
  let [count, point, carried] = [0, 0, 0];
  while (decoder.move()) {
    count++;
    assert.ok(decoder.point >= point && decoder.point <= through);
    point = decoder.point;
    if (decoder.kind === "time") {
      assert.ok(Number.isSafeInteger(decoder.clockUs));
      continue;
    }
    const { byteLength } = decoder;
    assert.equal(decoder.bytes.length, byteLength);
    carried += byteLength;
    assert.ok(byteLength <= (decoder.kind === "state" ? MAX_STATE_BYTES : MAX_DATA_BYTES));
  }
  assert.ok(count === eventCount && carried <= MAX_PAYLOAD_BYTES && Number.isSafeInteger(through));
}
