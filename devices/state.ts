/**
 * What a device remembers: one table of fields a device (or part of one), from which everything that
 * must agree about its state derives: the live record and its power-on values, the copy, the
 * check of a copy that came from a peer, the binary form, and the list of values for the digest.
 *
 * The live record *is* the state: a device keeps nothing else that it could not work out again from
 * these fields. So a restored device goes on exactly as the original would have.
 *
 * Binary form: the fields in table order without padding, little-endian; numbers in 1, 2, 4 or 8
 * bytes (8: two's complement), flags in one byte (0 or 1), byte arrays as they are. Its length is
 * fixed, so equal state means equal bytes.
 *
 * Called by every device, and by the board.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";

/** An integer. */
export interface NumberField {
  /** Tells it from the other kinds of field. */
  readonly kind: "number";
  /** Its encoded size. */
  readonly bytes: 1 | 2 | 4 | 8;
  /** The least value. */
  readonly min: number;
  /** The greatest value. */
  readonly max: number;
  /** The bits that it may have; of no meaning for 8 bytes. */
  readonly mask: number;
  /** The value at power-on. */
  readonly initial: number;
}

/** A boolean. */
export interface FlagField {
  /** Tells it from the other kinds of field. */
  readonly kind: "flag";
  /** The value at power-on. */
  readonly initial: boolean;
}

/** A byte array of a fixed length; all zero at power-on. */
export interface BytesField {
  /** Tells it from the other kinds of field. */
  readonly kind: "bytes";
  /** How many bytes. */
  readonly length: number;
}

/** The fields of a device or of one of its parts, by name. */
export type FieldTable = Readonly<Record<string, NumberField | FlagField | BytesField>>;

/** The live record that a table describes. */
export type RecordOf<T extends FieldTable> = {
  -readonly [K in keyof T]: T[K] extends FlagField ? boolean
    : T[K] extends BytesField ? Uint8Array
    : number;
};

/** The value of one field. */
export type FieldValue = number | boolean | Uint8Array;

/** A copy of a device's state: its fields by name, those of a part as `part.name`. */
export type DeviceState = Readonly<Record<string, FieldValue>>;

/** One value for the digest: fields whose names and values agree are in the same state. */
export interface DigestField {
  /** Device, part and field, such as `pic.slave.imr`. */
  readonly name: string;
  /** Its value in 64 bits, unsigned: of a flag 0 or 1, a negative number as its two's complement. */
  readonly value: bigint;
}

/** What may be left out of a number field: all of its width is allowed, and it starts at `min`. */
interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly mask?: number;
  readonly initial?: number;
}

function unsigned(bytes: 1 | 2 | 4, bounds: Bounds): NumberField {
  const mask = bounds.mask ?? 2 ** (8 * bytes) - 1;
  const min = bounds.min ?? 0;
  return { kind: "number", bytes, min, max: bounds.max ?? mask, mask, initial: min, ...bounds };
}

/** A byte. */
export const u8 = (bounds: Bounds = {}): NumberField => unsigned(1, bounds);

/** Two bytes. */
export const u16 = (bounds: Bounds = {}): NumberField => unsigned(2, bounds);

/** Four bytes. */
export const u32 = (bounds: Bounds = {}): NumberField => unsigned(4, bounds);

/** An integer from `min` to `max` that a double holds exactly, in 8 bytes. */
export function int53(min: number, max: number, initial = 0): NumberField {
  return { kind: "number", bytes: 8, min, max, mask: 0, initial };
}

/** A boolean, in one byte. */
export const flag = (initial = false): FlagField => ({ kind: "flag", initial });

/** `length` bytes. */
export const bytes = (length: number): BytesField => ({ kind: "bytes", length });

/** A new live record with the table's power-on values. */
export function powerOn<T extends FieldTable>(table: T): RecordOf<T> {
  // Made at one stroke, which V8 keeps as a fast object; adding property by property it would not.
  return Object.fromEntries(
    Object.entries(table).map(([name, field]) => [
      name,
      field.kind === "bytes" ? new Uint8Array(field.length) : field.initial,
    ]),
  ) as RecordOf<T>;
}

/** A part of a device, or the whole of it. */
export interface Part {
  /** Its name; empty for the device itself. */
  readonly part: string;
  /** Its fields. */
  readonly table: FieldTable;
  /** Its live record, as {@link powerOn} made it. */
  readonly record: Record<string, FieldValue>;
}

interface Row {
  readonly name: string;
  readonly key: string;
  readonly field: NumberField | FlagField | BytesField;
  readonly record: Record<string, FieldValue>;
}

/** All fields of one device, over its live records. */
export class Registers {
  /** How many bytes {@link encode} writes. */
  readonly byteLength: number;
  readonly #rows: readonly Row[];
  readonly #fault: ((state: DeviceState) => string | undefined) | undefined;

  /**
   * The fields of a device.
   * @param device the name that errors and the digest use, such as `uart0`
   * @param fault finds what is wrong with a state whose fields are each in range, where a device has
   * rules between its fields; its answer begins with a field's name
   */
  constructor(
    readonly device: string,
    parts: readonly Part[],
    fault?: (state: DeviceState) => string | undefined,
  ) {
    this.#fault = fault;
    this.#rows = parts.flatMap(({ part, table, record }) =>
      Object.entries(table).map(([key, field]) => ({
        name: part === "" ? key : `${part}.${key}`,
        key,
        field,
        record,
      }))
    );
    this.byteLength = this.#rows.reduce((sum, row) => sum + sizeOf(row.field), 0);
  }

  /** A copy of the present state. */
  values(): DeviceState {
    const state: Record<string, FieldValue> = {};
    for (const { name, key, record } of this.#rows) {
      const value = record[key]!;
      state[name] = value instanceof Uint8Array ? value.slice() : value;
    }
    return state;
  }

  /**
   * Checks a state that may come from a peer.
   * @throws PeerError naming the field, its value and what was expected
   */
  check(state: DeviceState): void {
    for (const { name, field } of this.#rows) {
      const value = state[name];
      if (!fits(value, field)) {
        throw new PeerError(
          `${this.device}.${name} is ${show(value)}, expected ${expected(field)}`,
        );
      }
    }
    const known = new Set(this.#rows.map((row) => row.name));
    for (const name of Object.keys(state)) {
      if (!known.has(name)) throw new PeerError(`${this.device} has no field ${name}`);
    }
    const fault = this.#fault?.(state);
    if (fault !== undefined) throw new PeerError(`${this.device}.${fault}`);
  }

  /**
   * Makes `state` the present state: all of it, or nothing if it is malformed.
   * @throws PeerError as {@link check}
   */
  assign(state: DeviceState): void {
    this.check(state);
    for (const { name, key, record } of this.#rows) {
      const value = state[name]!;
      if (value instanceof Uint8Array) (record[key] as Uint8Array).set(value);
      else record[key] = value;
    }
  }

  /** Writes the present state at `offset`; `view` must have {@link byteLength} bytes left there. */
  encode(view: DataView, offset: number): void {
    for (const { key, field, record } of this.#rows) {
      writeField(view, offset, field, record[key]!);
      offset += sizeOf(field);
    }
  }

  /**
   * Reads a state back, checked.
   * @throws PeerError if a value is out of its range; the length is the caller's to check
   */
  decode(view: DataView, offset: number): DeviceState {
    assert(
      view.byteLength - offset >= this.byteLength,
      `${this.device} needs ${this.byteLength} bytes at ${offset} of ${view.byteLength}`,
    );
    const state: Record<string, FieldValue> = {};
    for (const { name, field } of this.#rows) {
      state[name] = readField(view, offset, field);
      offset += sizeOf(field);
    }
    this.check(state);
    return state;
  }

  /** The values for the digest. Byte arrays come as words of 8 bytes, `name[offset]`. */
  digestFields(): DigestField[] {
    const list: DigestField[] = [];
    for (const { name, key, record } of this.#rows) {
      const path = `${this.device}.${name}`;
      const value = record[key]!;
      if (!(value instanceof Uint8Array)) {
        list.push({ name: path, value: BigInt.asUintN(64, BigInt(value)) });
      } else {
        const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
        for (let at = 0; at < value.length; at += 8) {
          list.push({ name: `${path}[${at}]`, value: view.getBigUint64(at, true) });
        }
      }
    }
    return list;
  }
}

function sizeOf(field: NumberField | FlagField | BytesField): number {
  return field.kind === "number" ? field.bytes : field.kind === "flag" ? 1 : field.length;
}

function fits(
  value: FieldValue | undefined,
  field: NumberField | FlagField | BytesField,
): boolean {
  if (field.kind === "flag") return typeof value === "boolean";
  if (field.kind === "bytes") return value instanceof Uint8Array && value.length === field.length;
  return typeof value === "number" && Number.isSafeInteger(value) && !Object.is(value, -0) &&
    value >= field.min && value <= field.max &&
    (field.bytes === 8 || (value & ~field.mask) === 0);
}

function expected(field: NumberField | FlagField | BytesField): string {
  if (field.kind === "flag") return "a boolean";
  if (field.kind === "bytes") return `${field.length} bytes`;
  const range = `an integer from ${field.min} to ${field.max}`;
  return field.bytes === 8 || field.mask === 2 ** (8 * field.bytes) - 1
    ? range
    : `${range} with bits of 0x${field.mask.toString(16)} only`;
}

function show(value: FieldValue | undefined): string {
  return value instanceof Uint8Array ? `${value.length} bytes` : String(value);
}

function writeField(
  view: DataView,
  at: number,
  field: NumberField | FlagField | BytesField,
  value: FieldValue,
): void {
  if (value instanceof Uint8Array) {
    new Uint8Array(view.buffer, view.byteOffset + at, value.length).set(value);
  } else if (field.kind !== "number" || field.bytes === 1) view.setUint8(at, Number(value));
  else if (field.bytes === 2) view.setUint16(at, Number(value), true);
  else if (field.bytes === 4) view.setUint32(at, Number(value), true);
  else view.setBigInt64(at, BigInt(value), true);
}

function readField(
  view: DataView,
  at: number,
  field: NumberField | FlagField | BytesField,
): FieldValue {
  if (field.kind === "bytes") {
    return new Uint8Array(view.buffer, view.byteOffset + at, field.length).slice();
  }
  if (field.kind === "flag") {
    const value = view.getUint8(at);
    return value > 1 ? value : value === 1;
  }
  if (field.bytes === 1) return view.getUint8(at);
  if (field.bytes === 2) return view.getUint16(at, true);
  if (field.bytes === 4) return view.getUint32(at, true);
  return Number(view.getBigInt64(at, true));
}
