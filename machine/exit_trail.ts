/**
 * The trail: the last exits of a vCPU with the general registers at each. Every thread that runs a machine leaves
 * one behind; when a replay has diverged, the two sides' trails say at which exit, and in what.
 *
 * It costs a copy of some words an exit and nothing in the log. It lies in shared memory, so that main can look
 * something up while the thread runs on. An entry, in 32-bit words:
 *
 * ```
 *   0        36     37        38             39      40         41       43
 *   │ 18 × u64 registers │ kind │ address │ width, direction │ value │ checksum │ f64 point │
 * ```
 *
 * The checksum is the low half of the exit sequence's, this exit included: where it differs for the first time,
 * there is the first exit that differs. While an entry is being written its point is 0.
 */
import { exitTrailLength } from "../base/limits.ts";
import { kvmRegs } from "../ffi/kvm_structs.ts";
import { EXIT_WORD } from "./exit_words.ts";
import type { StateField } from "./fields.ts";

const REGISTERS = [...kvmRegs.leaves()].map(({ path }) => path);
const REGISTER_WORDS = 2 * REGISTERS.length;
const AT = {
  kind: REGISTER_WORDS,
  address: REGISTER_WORDS + 1,
  shape: REGISTER_WORDS + 2,
  value: REGISTER_WORDS + 3,
  checksum: REGISTER_WORDS + 4,
} as const;
const ENTRY_WORDS = REGISTER_WORDS + 8;
const POINT_AT = (REGISTER_WORDS + 6) / 2;
const ENTRY_BYTES = 4 * ENTRY_WORDS;
const WRITE = 1 << 24;
const kindNames = new Map<number, string>(
  Object.entries(EXIT_WORD).map(([name, word]) => [word, name]),
);

/** The length of an entry's bytes. */
export const trailEntryBytes: number = ENTRY_BYTES;

/** What an exit was. */
export interface TrailExit {
  /** The word that tells kinds of exit apart. */
  kind: number;
  /** A port, an address, an MSR; 0 where there is none. */
  address: number;
  /** Width in bytes; bit 24: the guest wrote. */
  shape: number;
  /** What was read or written: of several values the last, of wide ones the low half. */
  value: number;
}

/** See the top of the file. */
export class ExitTrail {
  readonly #words: Uint32Array;
  readonly #points: Float64Array;
  /** Of the entry that is being written. */
  #at = 0;
  #point = 0;

  /** @param buffer of {@link ExitTrail.buffer}'s size: shared with whoever else looks */
  constructor(buffer: ArrayBufferLike = new ArrayBuffer(ExitTrail.bytes)) {
    this.#words = new Uint32Array(buffer);
    this.#points = new Float64Array(buffer);
  }

  /** How large a trail's buffer is. */
  static readonly bytes: number = exitTrailLength * ENTRY_BYTES;

  /** The exit with the ordinal `point` is about to be served. @param registers all of them, as the vCPU gives them */
  begin(point: number, registers: Uint32Array): void {
    this.#point = point;
    this.#at = (point % exitTrailLength) * ENTRY_WORDS;
    this.#points[this.#at / 2 + POINT_AT] = 0;
    this.#words.set(registers, this.#at);
  }

  /** It has been served. @param checksum the low half of the exit sequence's, this exit included */
  complete(exit: TrailExit, checksum: number): void {
    const words = this.#words;
    const at = this.#at;
    words[at + AT.kind] = exit.kind;
    words[at + AT.address] = exit.address;
    words[at + AT.shape] = exit.shape;
    words[at + AT.value] = exit.value;
    words[at + AT.checksum] = checksum;
    this.#points[at / 2 + POINT_AT] = this.#point;
  }

  /** The entry of an execution point, or undefined if the trail has none, or no more. */
  entry(point: number): Uint8Array<ArrayBuffer> | undefined {
    const at = (point % exitTrailLength) * ENTRY_WORDS;
    if (this.#points[at / 2 + POINT_AT] !== point) return undefined;
    const words = this.#words.slice(at, at + ENTRY_WORDS);
    // The thread may have come round meanwhile.
    if (this.#points[at / 2 + POINT_AT] !== point) return undefined;
    return new Uint8Array(words.buffer as ArrayBuffer);
  }

  /** The checksums of the exits after `after`, through `through` or as far as the trail goes. */
  checksums(after: number, through: number): Uint8Array<ArrayBuffer> {
    const checksums: number[] = [];
    for (let point = after + 1; point <= through && checksums.length < exitTrailLength; point++) {
      const at = (point % exitTrailLength) * ENTRY_WORDS;
      if (this.#points[at / 2 + POINT_AT] !== point) break;
      checksums.push(this.#words[at + AT.checksum]!);
    }
    return new Uint8Array(new Uint32Array(checksums).buffer);
  }

  /**
   * The first exit after `after` whose checksum is not the other trail's, or that one of the two has not come to.
   * @param checksums what {@link checksums} of the other one gave
   * @returns undefined if this trail does not have the exits any more that would tell
   */
  firstDifference(after: number, checksums: Uint8Array): number | undefined {
    const view = new DataView(checksums.buffer, checksums.byteOffset, checksums.byteLength);
    for (let index = 0, point = after + 1;; index++, point++) {
      const at = (point % exitTrailLength) * ENTRY_WORDS;
      const there = this.#points[at / 2 + POINT_AT]!;
      if (there > point) return undefined;
      if (there < point || 4 * index + 4 > checksums.length) return point;
      if (this.#words[at + AT.checksum] !== view.getUint32(4 * index, true)) return point;
    }
  }
}

/** An entry's fields by name, for people and programs. @param entry of {@link trailEntryBytes} bytes */
export function trailFields(entry: Uint8Array): StateField[] {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  const word = (index: number) => BigInt(view.getUint32(4 * index, true));
  return [
    { name: "exit.kind", value: word(AT.kind) },
    { name: "exit.address", value: word(AT.address) },
    { name: "exit.width", value: word(AT.shape) & 0xffn },
    { name: "exit.write", value: word(AT.shape) >> 24n },
    { name: "exit.value", value: word(AT.value) },
    ...REGISTERS.map((path, index) => ({
      name: `regs.${path}`,
      value: view.getBigUint64(8 * index, true),
    })),
  ];
}

/** An entry in a line: "out of 1 byte to 0x3f8, value 0x41". */
export function describeExit(entry: Uint8Array): string {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  const word = (index: number) => view.getUint32(4 * index, true);
  const kind = kindNames.get(word(AT.kind)) ?? `kind ${word(AT.kind)}`;
  if (kind !== "io" && kind !== "mmio") return kind;
  const what = (word(AT.shape) & WRITE) !== 0 ? "write" : "read";
  const place = `0x${word(AT.address).toString(16)}`;
  const width = word(AT.shape) & 0xff;
  return `${kind} ${what} of ${width} at ${place}, value 0x${word(AT.value).toString(16)}`;
}
