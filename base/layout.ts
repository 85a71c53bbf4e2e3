/**
 * C structs as tables: each is written down once, as names and types of fields in their C order, and
 * everything else follows from it: offsets by C's alignment rules, accessors, `leaves()` for tests and
 * digests, and types that refuse a misspelt field. The expected size is asserted when the table loads.
 *
 * A place in a struct is named by a path as in C, with dots for indices too: `cs.base`, `db.2`. The
 * byte order is little endian: all that this project reads that way is x86-64 ABI.
 *
 * Used by ffi/ for KVM's structs and by machine/ to read the vCPU's state.
 */
import { assert } from "./assert.ts";

/** Bytes that C code may be handed: not of a SharedArrayBuffer. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Scalars that a JavaScript number holds. */
export type Narrow = "u8" | "u16" | "u32" | "i32";
/** Scalars that take a bigint. */
export type Wide = "u64" | "i64";
/** What a field holds in the end. */
export type Scalar = Narrow | Wide;

/** What a {@link Layout} is when its fields' names do not matter. */
export interface AnyLayout {
  /** The C name, without `struct`. */
  readonly name: string;
  /** In bytes, padding at the end included. */
  readonly size: number;
  /** In bytes. */
  readonly align: number;
  /** The direct fields and their offsets in bytes. */
  readonly places: ReadonlyMap<string, Place>;
}

/** `count` elements, one after the other. */
export interface ArrayOf<E extends Element = Element> {
  /** The type of each. */
  readonly element: E;
  /** How many. */
  readonly count: number;
}

/** What an array can be made of. */
export type Element = Scalar | AnyLayout;
/** The type of a field. */
export type Field = Element | ArrayOf;
/** The fields of a struct, in C order. */
export type Fields = Readonly<Record<string, Field>>;

/** A field, and where it is. */
export interface Place {
  /** In bytes from the start of the struct. */
  readonly offset: number;
  /** What is there. */
  readonly type: Field;
}

/** A scalar inside of a struct. */
export interface Leaf {
  /** As {@link Layout.get} takes it. */
  readonly path: string;
  /** In bytes from the start of the outermost struct. */
  readonly offset: number;
  /** What is there. */
  readonly type: Scalar;
}

/** How a path goes on inside of a field of type `T` to a scalar of the types `S`. */
export type ToLeaf<T, S extends Scalar> = T extends Scalar ? (T extends S ? "" : never)
  : T extends ArrayOf<infer E> ? `.${number}${ToElementLeaf<E, S>}`
  : ToElementLeaf<T, S>;
/** The same, where the field is no array. */
export type ToElementLeaf<T, S extends Scalar> = T extends Scalar ? (T extends S ? "" : never)
  : T extends { readonly paths?: PathsOf<infer W, infer N, infer _> } ? `.${S extends Wide ? W : N}`
  : never;
/** How a path may go on inside of a field of type `T`, to whatever. */
export type Inward<T> = T extends ArrayOf<infer E> ? "" | `.${number}${"" | ToPart<E>}`
  : "" | ToPart<T>;
/** How it must go on to get inside; never, if the field is a scalar. */
export type ToPart<T> = T extends { readonly paths?: PathsOf<infer _, infer _, infer P> } ? `.${P}`
  : never;

/**
 * The paths of a struct's scalars, wide and narrow, and of all its parts. Each layout works out its own
 * from its fields' ones, so that no type recurs.
 */
export interface PathsOf<W extends string, N extends string, P extends string> {
  /** To scalars of 64 bits. */
  readonly wide: W;
  /** To smaller scalars. */
  readonly narrow: N;
  /** To scalars, arrays and structs. */
  readonly part: P;
}
/** The paths to the scalars of types `S` in a struct with fields `F`. */
export type Leaves<F, S extends Scalar> = {
  [K in keyof F & string]: `${K}${ToLeaf<F[K], S>}`;
}[keyof F & string];
/** The paths to all parts of a struct with fields `F`. */
export type Parts<F> = { [K in keyof F & string]: `${K}${Inward<F[K]>}` }[keyof F & string];
/** The layout of a struct with these fields. */
export type LayoutOf<F extends Fields> = Layout<Leaves<F, Wide>, Leaves<F, Narrow>, Parts<F>>;

const scalarBytes: Readonly<Record<Scalar, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
};

/** The size of a field in bytes. */
export function sizeOf(type: Field): number {
  if (typeof type === "string") return scalarBytes[type];
  return "element" in type ? sizeOf(type.element) * type.count : type.size;
}

function alignOf(type: Field): number {
  if (typeof type === "string") return scalarBytes[type];
  return "element" in type ? alignOf(type.element) : type.align;
}

/** The place that `steps` lead to from `place`; undefined if there is none. */
function descend(place: Place, steps: readonly string[]): Place | undefined {
  const [step, ...rest] = steps;
  const { offset, type } = place;
  if (step === undefined) return place;
  if (typeof type === "string") return undefined;
  if ("element" in type) {
    const index = Number(step);
    if (!Number.isInteger(index) || index < 0 || index >= type.count) return undefined;
    return descend({ offset: offset + index * sizeOf(type.element), type: type.element }, rest);
  }
  const field = type.places.get(step);
  return field && descend({ offset: offset + field.offset, type: field.type }, rest);
}

function* leavesOf(path: string, { offset, type }: Place): Generator<Leaf> {
  if (typeof type === "string") {
    yield { path, offset, type };
  } else if ("element" in type) {
    for (let i = 0; i < type.count; i++) {
      const element = { offset: offset + i * sizeOf(type.element), type: type.element };
      yield* leavesOf(`${path}.${i}`, element);
    }
  } else {
    const prefix = path === "" ? "" : `${path}.`;
    for (const [name, field] of type.places) {
      yield* leavesOf(prefix + name, { offset: offset + field.offset, type: field.type });
    }
  }
}

/**
 * One C struct or union. Made by {@link struct} and {@link union}.
 *
 * `W` and `N` are the paths of its 64-bit and of its smaller scalars, `P` those of all its parts.
 */
export class Layout<W extends string, N extends string, P extends string> implements AnyLayout {
  /** Only a type. */
  declare readonly paths?: PathsOf<W, N, P>;
  /** In bytes, padding at the end included. */
  readonly size: number;
  /** In bytes. */
  readonly align: number;
  /** The direct fields and where they are. */
  readonly places: ReadonlyMap<string, Place>;
  /** Paths that were asked for before. */
  readonly #known = new Map<string, Place>();

  /**
   * Works out the offsets; struct() and union() make the types fit.
   * @param name the C name, without `struct`
   * @param fields its fields, in C order
   * @param size what `sizeof` is known to be, in bytes
   * @param overlaid whether it is a union: all fields at offset 0
   * @throws DefectError if the fields do not add up to `size`
   */
  constructor(readonly name: string, fields: Fields, size: number, overlaid: boolean) {
    const places = new Map<string, Place>();
    let end = 0;
    let align = 1;
    for (const [field, type] of Object.entries(fields)) {
      const fieldAlign = alignOf(type);
      const offset = overlaid ? 0 : Math.ceil(end / fieldAlign) * fieldAlign;
      places.set(field, { offset, type });
      end = Math.max(end, offset + sizeOf(type));
      align = Math.max(align, fieldAlign);
    }
    this.size = Math.ceil(end / align) * align;
    this.align = align;
    this.places = places;
    assert(this.size === size, `${name} takes ${this.size} bytes, expected ${size}`);
  }

  /** Where a field begins, in bytes from the start of the struct. */
  offset(path: P): number {
    return this.#find(path).offset;
  }

  /** Reads a scalar; `view` begins where the struct does. 64-bit ones are bigints. */
  get(view: DataView, path: W): bigint;
  /** Smaller ones are numbers. */
  get(view: DataView, path: N): number;
  get(view: DataView, path: string): bigint | number {
    const { offset, type } = this.#find(path);
    return readScalar(view, offset, type as Scalar);
  }

  /** Writes a scalar; `view` begins where the struct does. 64-bit ones are bigints. */
  set(view: DataView, path: W, value: bigint): void;
  /** Smaller ones are numbers, of which the low bits are taken. */
  set(view: DataView, path: N, value: number): void;
  set(view: DataView, path: string, value: bigint | number): void {
    const { offset, type } = this.#find(path);
    writeScalar(view, offset, type as Scalar, value);
  }

  /** A view of a struct that lies in `bytes`, `at` bytes from their start. */
  view(bytes: Bytes, at = 0): DataView<ArrayBuffer> {
    const { byteLength } = bytes;
    assert(byteLength >= at + this.size, `${this.name}: ${byteLength} bytes, need ${this.size}`);
    return new DataView(bytes.buffer, bytes.byteOffset + at, this.size);
  }

  /** Every scalar, nested ones and array elements too, in C order. */
  leaves(): Generator<Leaf> {
    return leavesOf("", { offset: 0, type: this });
  }

  #find(path: string): Place {
    const known = this.#known.get(path);
    if (known) return known;
    const place = descend({ offset: 0, type: this }, path.split("."));
    assert(place !== undefined, `${this.name} has no ${path}`);
    this.#known.set(path, place);
    return place;
  }
}

/** Reads one little-endian scalar. */
export function readScalar(view: DataView, offset: number, type: Scalar): bigint | number {
  switch (type) {
    case "u8":
      return view.getUint8(offset);
    case "u16":
      return view.getUint16(offset, true);
    case "u32":
      return view.getUint32(offset, true);
    case "i32":
      return view.getInt32(offset, true);
    case "u64":
      return view.getBigUint64(offset, true);
    case "i64":
      return view.getBigInt64(offset, true);
  }
}

function writeScalar(view: DataView, offset: number, type: Scalar, value: bigint | number): void {
  switch (type) {
    case "u8":
      return view.setUint8(offset, value as number);
    case "u16":
      return view.setUint16(offset, value as number, true);
    case "u32":
      return view.setUint32(offset, value as number, true);
    case "i32":
      return view.setInt32(offset, value as number, true);
    case "u64":
      return view.setBigUint64(offset, value as bigint, true);
    case "i64":
      return view.setBigInt64(offset, value as bigint, true);
  }
}

/** A C struct: `size` is its known `sizeof` in bytes. */
export function struct<const F extends Fields>(name: string, fields: F, size: number): LayoutOf<F> {
  return new Layout(name, fields, size, false);
}

/** A C union: `size` is its known `sizeof` in bytes. */
export function union<const F extends Fields>(name: string, fields: F, size: number): LayoutOf<F> {
  return new Layout(name, fields, size, true);
}

/** `count` elements of one type. */
export function array<const E extends Element>(element: E, count: number): ArrayOf<E> {
  return { element, count };
}
