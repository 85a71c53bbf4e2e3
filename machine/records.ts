/**
 * What goes through a channel's rings: the kinds of records, and their bodies.
 *
 * ```
 * output    f64 sink │ f64 offset │ f64 point │ bytes
 * frame     f64 session │ f64 sequence │ f64 through │ f64 input offset │ f64 run time │
 *           f64 completes state │ the frame
 * log       a frame as it came from the primary
 * dirty     f64 session │ bitmap, one bit a page, the lowest first
 * staged    f64 session │ u32 page number, for each page that was copied to the staging area
 * hashes    of pages of memory, two u32 each: the records have one page's after the other's
 * message   JSON: commands, and notices that are rare
 * input     console input, as it came; in the ring of frames, a network frame
 * ```
 *
 * Both ends are this program, so nothing here is checked as a peer's bytes are.
 */
import type { Ring } from "./ring.ts";

/** The `kind` of a ring's record. */
export const RecordKind = {
  output: 1,
  frame: 2,
  log: 3,
  message: 4,
  input: 5,
  dirty: 6,
  staged: 7,
  hashes: 8,
} as const;

/** Bytes that the guest put out. */
export interface OutputRecord {
  readonly sink: number;
  readonly offset: number;
  readonly point: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A frame that the recorder closed. */
export interface FrameRecord {
  readonly session: number;
  readonly sequence: number;
  readonly through: number;
  readonly inputOffset: number;
  /** How long the guest had run when the frame was closed, in microseconds. */
  readonly ranUs: number;
  readonly completesState: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const OUTPUT_WORDS = 3;
const FRAME_WORDS = 6;

/** Writes an output, waiting for room. */
export function writeOutput(ring: Ring, { sink, offset, point, bytes }: OutputRecord): void {
  ring.writeBlocking(RecordKind.output, head([sink, offset, point]), bytes);
}

/** Reads what {@link writeOutput} wrote. */
export function readOutput(body: Uint8Array<ArrayBuffer>): OutputRecord {
  const [sink, offset, point] = words(body, OUTPUT_WORDS) as [number, number, number];
  return { sink, offset, point, bytes: body.subarray(8 * OUTPUT_WORDS) };
}

/** Writes a frame, waiting for room. */
export function writeFrame(ring: Ring, frame: FrameRecord): void {
  const { session, sequence, through, inputOffset, ranUs, completesState, bytes } = frame;
  const record = [session, sequence, through, inputOffset, ranUs, completesState ? 1 : 0];
  ring.writeBlocking(RecordKind.frame, head(record), bytes);
}

/** Reads what {@link writeFrame} wrote. */
export function readFrame(body: Uint8Array<ArrayBuffer>): FrameRecord {
  const [session, sequence, through, inputOffset, ranUs, completes] = words(body, FRAME_WORDS) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const bytes = body.subarray(8 * FRAME_WORDS);
  const completesState = completes === 1;
  return { session, sequence, through, inputOffset, ranUs, completesState, bytes };
}

/** Writes the pages that a state transfer still has to send, waiting for room. */
export function writeDirty(ring: Ring, session: number, bitmap: Uint8Array): void {
  ring.writeBlocking(RecordKind.dirty, head([session]), bitmap);
}

/** Reads what {@link writeDirty} wrote. */
export function readDirty(
  body: Uint8Array<ArrayBuffer>,
): { session: number; bitmap: Uint8Array<ArrayBuffer> } {
  return { session: words(body, 1)[0]!, bitmap: body.subarray(8) };
}

/** Writes which pages were copied to the staging area, in its order, waiting for room. */
export function writeStaged(ring: Ring, session: number, pages: readonly number[]): void {
  const numbers = new Uint8Array(Uint32Array.from(pages).buffer);
  ring.writeBlocking(RecordKind.staged, head([session]), numbers);
}

/** Reads what {@link writeStaged} wrote. */
export function readStaged(
  body: Uint8Array<ArrayBuffer>,
): { session: number; pages: readonly number[] } {
  return { session: words(body, 1)[0]!, pages: [...new Uint32Array(body.slice(8).buffer)] };
}

/** The body of a `message` record. */
export function encodeMessageRecord(message: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** What is in the body of a `message` record; the two ends agree on `T`. */
export function decodeMessageRecord<T>(body: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(body)) as T;
}

function head(values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float64Array(values).buffer);
}

function words(body: Uint8Array<ArrayBuffer>, count: number): number[] {
  return [...new Float64Array(body.slice(0, 8 * count).buffer)];
}
