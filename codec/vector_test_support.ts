/**
 * Frames made by hand, and what they say, as vectors/*.json have them: for whoever writes a decoder of the log.
 * vectors_test.ts makes and reads them; vectors/*_test_support.ts define them.
 *
 * In the files frames are in hex; so are the bytes of events and messages, where `00*40` is a byte 40 times.
 */
import type { Chain, LogEvent, LogHeader, MessageHeader } from "./codec.ts";
import { drawsOf, putFixed, putVarint } from "./reference_bytes_test_support.ts";
import { type Shape } from "./reference_context_test_support.ts";
import { DenseModel } from "./reference_dense_test_support.ts";
import type { ReferenceLog } from "./reference_decoder_test_support.ts";
import { packDense, writtenOut } from "./reference_encoder_test_support.ts";
import { crcIn, sealReference } from "./reference_frame_test_support.ts";
import { packLz4 } from "./reference_lz4_test_support.ts";

/** Frames, to be read one after the other by one decoder. */
export interface Definition {
  readonly description: string;
  readonly frames: readonly Uint8Array[];
  /** Why frames are refused, in their order and in the words of the reference; the others are read. */
  readonly refused?: readonly string[];
}

/** What a frame says, or why it is refused. */
export type Expectation =
  | { refused: string }
  | { header: LogHeader; events: Record<string, string | number>[] }
  | { header: MessageHeader; payload: string };

/** A definition as a file has it. */
export interface Vector {
  description: string;
  frames: string[];
  expect: Expectation[];
}

/** What a file says of a message. */
export function messageExpectation(
  { header, payload }: { header: MessageHeader; payload: Uint8Array },
): Expectation {
  return { header, payload: bytesText(payload) };
}

/** What a file says of a log frame. */
export function logExpectation({ header, events }: ReferenceLog): Expectation {
  return { header, events: events.map(eventText) };
}

function eventText(event: LogEvent): Record<string, string | number> {
  return event.kind === "time" ? event : { ...event, bytes: bytesText(event.bytes) };
}

/** Bytes in hex, the same ones in a row counted. */
function bytesText(bytes: Uint8Array): string {
  return new Uint8Array(bytes).toHex()
    .replace(/(..)(?<=^(?:..)*)\1{15,}/g, (run, byte) => ` ${byte}*${run.length / 2} `)
    .replaceAll("  ", " ").trim();
}

/** A payload in pieces. */
export type Pieces = readonly (number | readonly number[])[];

/** A frame that is alone, at level fast. */
export function alone(...pieces: Pieces): Uint8Array {
  return sealReference({ kind: 1, chain: "alone", level: "fast" }, pieces.flat());
}

/** A frame at level fast that continues another one. */
export function after(before: Uint8Array, ...pieces: Pieces): Uint8Array {
  return sealReference(
    { kind: 1, chain: "continues", level: "fast" },
    pieces.flat(),
    crcIn(before),
  );
}

/** A chain at level fast. */
export function chainOf(...payloads: readonly Pieces[]): Uint8Array[] {
  return link(payloads.map((pieces) => pieces.flat()), "fast");
}

/** The same payloads in a chain at level dense; `stored` says which of them are not coded. */
export function denseChainOf(payloads: readonly Pieces[], stored: readonly number[] = []) {
  const model = new DenseModel();
  return link(
    payloads.map((pieces, index) =>
      packDense(Uint8Array.from(pieces.flat()), model, stored.includes(index))
    ),
    "dense",
  );
}

function link(payloads: readonly number[][], level: "fast" | "dense"): Uint8Array[] {
  let before = 0;
  return payloads.map((payload, index) => {
    const chain: Chain = index === 0 ? "begins" : "continues";
    const frame = sealReference({ kind: 1, chain, level }, payload, before);
    before = crcIn(frame);
    return frame;
  });
}

/** A frame with some of its bytes replaced, from an offset on. */
export function altered(frame: Uint8Array, offset: number, ...bytes: number[]): Uint8Array {
  const copy = frame.slice();
  copy.set(bytes, offset);
  return copy;
}

/** A varint. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  putVarint(bytes, value);
  return bytes;
}

/** A u32. */
export function u32(value: number): number[] {
  const bytes: number[] = [];
  putFixed(bytes, value, 4);
  return bytes;
}

/** The token of a time event that is written out. */
export function time(points: number, stepUs: number): number[] {
  return writtenOut({ tag: 0, points, length: 0 }, stepUs);
}

/** The token of another event that is written out. */
export function carrier(
  kind: "data" | "state" | "control",
  points: number,
  selector: number,
  length: number,
): number[] {
  const shape: Shape = {
    tag: ["time", "data", "state", "control"].indexOf(kind) + 4 * selector,
    points,
    length,
  };
  return writtenOut(shape, 0);
}

/** So many bytes, one more than the other from `first` on. */
export function counted(length: number, first = 0): number[] {
  return Array.from({ length }, (_, index) => first + index & 255);
}

/** A block of LZ4, with its length in front. */
export function form(...block: number[]): number[] {
  return [...varint(block.length), ...block];
}

/** Bytes as such a block, into a dictionary. */
export function packed(bytes: readonly number[], dictionary: readonly number[] = []): number[] {
  return form(...packLz4(Uint8Array.from(bytes), Uint8Array.from(dictionary), drawsOf(1)));
}
