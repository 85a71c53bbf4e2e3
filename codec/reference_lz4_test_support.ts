/** LZ4 blocks with a dictionary, for the reference (docs/LOG-FORMAT.md, Bytes). Tests only. */
import { ByteReader, type Draw, must, putBytes, putFixed } from "./reference_bytes_test_support.ts";

const MIN_MATCH = 4;
/** LZ4 asks of encoders: so many literals at the end, and so many bytes from the last match's start to it. */
const LAST_LITERALS = 5;
const LAST_MATCH = 12;

/** Unpacks a block that has to say `length` bytes. @throws {ReferenceRefusal} */
export function unpackLz4(
  block: Uint8Array,
  dictionary: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader(block);
  const out = new Uint8Array(dictionary.length + length);
  out.set(dictionary);
  let at = dictionary.length;
  const advance = (count: number) => {
    must(at + count <= out.length, "a block says more than the event's length");
    at += count;
  };
  for (;;) {
    const token = reader.byte();
    const literals = reader.bytes(lengthOf(token >> 4, reader));
    advance(literals.length);
    out.set(literals, at - literals.length);
    if (reader.left === 0) break;
    const offset = reader.fixed(2);
    must(offset !== 0 && offset <= at, "a match reaches back to nothing");
    const start = at;
    advance(MIN_MATCH + lengthOf(token & 15, reader));
    for (let to = start; to < at; to++) out[to] = out[to - offset]!;
  }
  must(at === out.length, "a block says less than the event's length");
  return out.slice(dictionary.length);
}

function lengthOf(nibble: number, reader: ByteReader): number {
  let length = nibble;
  if (nibble === 15) {
    for (let byte = 255; byte === 255;) length += byte = reader.byte();
  }
  return length;
}

/** A block that says `bytes`, with literals and matches as they are drawn. */
export function packLz4(bytes: Uint8Array, dictionary: Uint8Array, draw: Draw): number[] {
  const all = Uint8Array.from([...dictionary, ...bytes]);
  const block: number[] = [];
  const places = new Map<number, number[]>();
  let literalsFrom = dictionary.length;
  let next = 0;
  for (let at = literalsFrom; at + LAST_MATCH <= all.length;) {
    for (; next < at; next++) {
      const key = keyAt(all, next);
      places.set(key, [...places.get(key) ?? [], next].slice(-8));
    }
    const found = places.get(keyAt(all, at))?.filter((place) => at - place < 65_536) ?? [];
    if (found.length === 0 || draw(8) === 0) {
      at++;
      continue;
    }
    const from = found[draw(found.length)]!;
    let most = MIN_MATCH;
    while (at + most + LAST_LITERALS < all.length && all[from + most] === all[at + most]) most++;
    const count = draw(2) === 0 ? most : MIN_MATCH + draw(most - MIN_MATCH + 1);
    putSequence(block, all.subarray(literalsFrom, at), count - MIN_MATCH);
    putFixed(block, at - from, 2);
    putLength(block, count - MIN_MATCH);
    literalsFrom = at += count;
  }
  putSequence(block, all.subarray(literalsFrom), 0);
  return block;
}

/** The bytes of the shortest match. */
function keyAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

function putSequence(block: number[], literals: Uint8Array, matchLength: number): void {
  block.push(Math.min(literals.length, 15) * 16 + Math.min(matchLength, 15));
  putLength(block, literals.length);
  putBytes(block, literals);
}

/** What a nibble has no room for. */
function putLength(block: number[], length: number): void {
  let rest = length - 15;
  if (rest < 0) return;
  for (; rest >= 255; rest -= 255) block.push(255);
  block.push(rest);
}
