/**
 * Named fields of a machine's state, and how a digest carries their values.
 *
 * Both sides list the same fields in the same order, so that only values travel; a difference is
 * then named by its field. Values are unsigned 64-bit, each a LEB128 varint.
 */
import { assert } from "../base/assert.ts";
import { type Difference, PeerError } from "../base/errors.ts";

/** One field: a dotted name and an unsigned 64-bit value. */
export interface StateField {
  readonly name: string;
  readonly value: bigint;
}

const VARINT_BYTES_MAX = 10;
const U64_MAX = 2n ** 64n - 1n;

/** The values of `fields`, one varint each. */
export function encodeFields(fields: readonly StateField[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(fields.length * VARINT_BYTES_MAX);
  let at = 0;
  for (const { name, value } of fields) {
    assert(value >= 0n && value <= U64_MAX, `${name} is ${value}, expected 64 bits without a sign`);
    let rest = value;
    while (rest >= 0x80n) {
      bytes[at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    bytes[at++] = Number(rest);
  }
  return bytes.slice(0, at);
}

/**
 * Compares what was recorded with what is here; surplus recorded values are the caller's.
 * @param counts whether the field of this name is compared
 * @returns the fields that differ, in order
 */
export function differingFields(
  recorded: readonly bigint[],
  replayed: readonly StateField[],
  counts: (name: string) => boolean = () => true,
): Difference[] {
  const differences: Difference[] = [];
  replayed.forEach(({ name, value }, index) => {
    if (value === recorded[index] || !counts(name)) return;
    differences.push({ name, recorded: hex(recorded[index]!), replayed: hex(value) });
  });
  return differences;
}

/** The values that {@link encodeFields} wrote. @throws PeerError on anything else */
export function decodeValues(bytes: Uint8Array): bigint[] {
  const values: bigint[] = [];
  for (let at = 0; at < bytes.length;) {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[at++];
      if (byte !== undefined) value |= BigInt(byte & 0x7f) << shift;
      if (byte === undefined || value > U64_MAX || shift > 63n) {
        throw new PeerError(`a digest whose field ${values.length} is cut or longer than 64 bits`);
      }
      if (byte < 0x80) break;
    }
    values.push(value);
  }
  return values;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
