/**
 * The outputs that a state event carries: what the machine had put out by then and the other side's replay will not.
 *
 * One output a section, numbers little endian:
 *
 * ```
 * u8 sink │ f64 offset │ bytes, at least one
 * ```
 *
 * They are in the log, not in messages beside it: whoever has the state has them, too. Pure. Used by
 * machine/state.ts, where the sections' number is.
 */
import { PeerError } from "../base/errors.ts";

const HEAD_BYTES = 1 + 8;

/** An output as a state has it: it was made at the state's execution point, or before. */
export interface StateOutput {
  /** The sink's number. */
  readonly sink: number;
  /** Stream offset of the first byte. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The section of one output, which has bytes; so many that they fit into an event. */
export function encodeStateOutput({ sink, offset, bytes }: StateOutput): Uint8Array<ArrayBuffer> {
  const section = new Uint8Array(HEAD_BYTES + bytes.length);
  const view = new DataView(section.buffer);
  view.setUint8(0, sink);
  view.setFloat64(1, offset, true);
  section.set(bytes, HEAD_BYTES);
  return section;
}

/** The output in a section; its bytes are a copy. @throws PeerError if there is none, or no number can count it */
export function decodeStateOutput(section: Uint8Array): StateOutput {
  if (section.length <= HEAD_BYTES) {
    throw new PeerError(`an outputs section of ${section.length} bytes, expected a head and bytes`);
  }
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const offset = view.getFloat64(1, true);
  const bytes = section.slice(HEAD_BYTES);
  if (offset < 0 || !Number.isSafeInteger(offset) || !Number.isSafeInteger(offset + bytes.length)) {
    throw new PeerError(`an outputs section at offset ${offset}`);
  }
  return { sink: view.getUint8(0), offset, bytes };
}
