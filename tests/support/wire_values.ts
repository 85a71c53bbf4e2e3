/**
 * What the wire campaign says: numbers at their limits, odd texts, and frames that are altered on the way, their
 * checksums made to fit or not.
 *
 * Called by the wire_*.ts beside it.
 */
import type { Bytes } from "../../base/layout.ts";
import { crc32c, HEADER_BYTES } from "../../codec/codec.ts";
import type { ClaimOutcome } from "../../protocol/types.ts";
import type { Random } from "./random.ts";

const MOST = Number.MAX_SAFE_INTEGER;

/** How wild an episode is: of 100 messages, so many are altered. */
export const WILDNESS = [0, 0, 3, 3, 30, 90] as const;

/** A number that is, or is not quite, `near`, or lies at a limit; at most `most`. */
export function oddNumber(random: Random, near: number, most = MOST): number {
  const value = random.below(100) < 60 ? near + random.below(3) - 1 : random.pick([
    0,
    1,
    2,
    255,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    MOST - 1,
    MOST,
    random.below(2 ** 32),
  ]);
  return Math.min(most, Math.max(0, value));
}

/** A number that fits, most of the time. */
export function likely(random: Random, right: number, most = MOST): number {
  return random.below(100) < 85 ? Math.min(most, right) : oddNumber(random, right, most);
}

/** A text that fits, most of the time; else empty, long, or of odd characters. */
export function oddText(random: Random, right: string): string {
  if (random.below(100) < 80) return right;
  return random.pick([
    "",
    "x",
    "\u0000\u001b[2J\n",
    "é".repeat(700),
    "\u{1f600}".repeat(257),
    "z".repeat(5000),
  ]);
}

/** Bytes, few as a rule. */
export function someBytes(random: Random, most = 64): Bytes {
  const length = random.below(20) === 0 ? random.below(40 * most) : random.below(most);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1 + random.below(16)) bytes[at] = random.below(256);
  return bytes;
}

/** A format whose frames have a length and a checksum in their header. */
export interface Format {
  readonly headerBytes: number;
  /** Says that so many bytes follow the header, as far as its field has room for the number. */
  announce(frame: Bytes, payloadBytes: number): void;
  /** Makes the checksum fit. */
  reseal(frame: Bytes): void;
}

/** The logging channel's frames, those that stand alone; codec/codec.ts draws them. */
export const logFormat: Format = {
  headerBytes: HEADER_BYTES,
  announce(frame, payloadBytes) {
    viewOf(frame).setUint16(6, payloadBytes & 0xffff, true);
    frame[8] = payloadBytes >>> 16;
  },
  reseal(frame) {
    viewOf(frame).setUint32(2, crc32c(frame.subarray(6), crc32c(frame.subarray(0, 2))), true);
  },
};

/** The console protocol's messages; sinks/console_protocol.ts draws them. */
export const consoleFormat: Format = {
  headerBytes: 16,
  announce(frame, payloadBytes) {
    viewOf(frame).setUint32(8, payloadBytes, true);
  },
  reseal(frame) {
    const checksum = crc32c(frame.subarray(16), crc32c(frame.subarray(0, 12)));
    viewOf(frame).setUint32(12, checksum, true);
  },
};

function viewOf({ buffer, byteOffset, length }: Bytes): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Alters frames on their way; knows what was sent before. */
export class Alterer {
  #former: Bytes = new Uint8Array(0);

  constructor(
    private readonly random: Random,
    private readonly format: Format,
    /** Of 100 frames, so many are altered. */
    private readonly wildness: number,
  ) {}

  /** The frame as it was, or altered. */
  pass(frame: Bytes): Bytes {
    const former = this.#former;
    this.#former = frame;
    return this.random.below(100) < this.wildness ? this.#alter(frame, former) : frame;
  }

  #alter(frame: Bytes, former: Bytes): Bytes {
    const { random, format } = this;
    const flipped = frame.slice();
    switch (random.below(8)) {
      case 0:
        this.#flip(flipped);
        return flipped;
      case 1:
      case 2:
        this.#flip(flipped);
        if (flipped.length >= format.headerBytes) format.reseal(flipped);
        return flipped;
      case 3:
        return frame.subarray(0, random.below(frame.length));
      case 4:
        return joined(frame, random.below(2) === 0 ? frame : former);
      case 5:
        return joined(
          former.subarray(0, random.below(former.length + 1)),
          frame.subarray(random.below(frame.length)),
        );
      case 6:
        return this.#resized(frame);
      default:
        return randomBytes(random, 1 + random.below(200));
    }
  }

  #flip(frame: Bytes): void {
    const { random } = this;
    for (let flips = 1 + random.below(3); flips > 0; flips--) {
      const limit = random.below(2) === 0
        ? Math.min(frame.length, this.format.headerBytes)
        : frame.length;
      frame[random.below(limit)]! ^= 1 << random.below(8);
    }
  }

  /** A frame whose payload is shorter or longer, or is said to be so; sealed. */
  #resized(frame: Bytes): Bytes {
    const { random, format } = this;
    const { headerBytes } = format;
    const payloadBytes = random.pick([
      0,
      1,
      random.below(frame.length),
      frame.length + random.below(40),
    ]);
    const resized = new Uint8Array(headerBytes + payloadBytes);
    resized.set(frame.subarray(0, resized.length));
    const announced = random.below(3) > 0
      ? payloadBytes
      : oddNumber(random, payloadBytes, 2 ** 32 - 1);
    format.announce(resized, announced);
    format.reseal(resized);
    return resized;
  }
}

/** Bytes without any sense; now and then they begin as what TLS says does, a record of version 3.x. */
export function randomBytes(random: Random, length: number): Bytes {
  const bytes = Uint8Array.from({ length }, () => random.below(256));
  if (length > 1 && random.below(8) === 0) bytes.set([20 + random.below(4), 3]);
  return bytes;
}

/** One after the other. */
export function joined(...parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What a claim comes to. */
export function outcomeOf(amount: number): ClaimOutcome {
  if (amount % 10 < 6) return { kind: "won" };
  if (amount % 10 < 9) return { kind: "unreachable", why: "no answer" };
  return { kind: "lost", holder: "another", ended: amount % 20 < 10 };
}
