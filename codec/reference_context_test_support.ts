/** What a chain has taught the reference (docs/LOG-FORMAT.md, The context). Tests only. */
import type { LogEvent } from "./codec.ts";
import { Flows } from "./reference_network_test_support.ts";

const KINDS = ["time", "data", "state", "control"] as const;

/** What an event is, but for its clock and its bytes. */
export interface Shape {
  /** Kind + 4 · selector; of a time event 0. */
  readonly tag: number;
  /** Its point less that of the event before. */
  readonly points: number;
  /** Of its bytes; of a time event 0. */
  readonly length: number;
}

/** An event that the context expects. */
export interface Prediction {
  readonly shape: Shape;
  /** Of a time event: the microseconds that its clock is to pass. */
  readonly stepUs: number;
}

interface Entry extends Prediction {
  readonly trust: number;
}

const NO_SHAPE: Shape = { tag: 0, points: 0, length: 0 };
const TABLE_ENTRIES = 1024;
const DICTIONARIES = 32;
/** The shortest bytes that have a form, and that become a dictionary. */
export const FORM_BYTES = 32;

/** What an event with this tag is. */
export function kindOf(tag: number): LogEvent["kind"] {
  return KINDS[tag % 4]!;
}

/** What an event is, but for its clock and its bytes. */
export function shapeOf(event: LogEvent, points: number): Shape {
  if (event.kind === "time") return { tag: 0, points, length: 0 };
  const tag = KINDS.indexOf(event.kind) + 4 * selectorOf(event);
  return { tag, points, length: event.bytes.length };
}

function selectorOf(event: Exclude<LogEvent, { kind: "time" }>): number {
  if (event.kind === "data") return event.device;
  return event.kind === "state" ? event.section : event.code;
}

/** The hash of a shape, mod 2^32. */
function hash({ tag, points, length }: Shape): number {
  return Math.imul(tag, 0x9e3779b1) ^ Math.imul(points, 0x85ebca6b) ^ Math.imul(length, 0xc2b2ae35);
}

/** Whether two shapes are the same. */
export function isSame(one: Shape, other: Shape): boolean {
  return one.tag === other.tag && one.points === other.points && one.length === other.length;
}

/** A context; a new one is fresh. */
export class Context {
  /** Of the frame before. */
  generation = 0;
  /** Of the frame before. */
  sequence = 0;
  /** Of the frame before. */
  exitsChecksum = 0;
  /** Of the frame before. */
  outputsChecksum = 0;
  /** Of the frame before. */
  through = 0;
  /** Of the last time event. */
  clockUs = 0;
  /** The last TCP frame of each. */
  readonly flows = new Flows();
  #older = 0;
  #newer = 0;
  readonly #table = new Array<Entry>(TABLE_ENTRIES).fill({ shape: NO_SHAPE, stepUs: 0, trust: 0 });
  readonly #dictionaries = new Array<Uint8Array>(DICTIONARIES).fill(new Uint8Array());

  /** The next event, if the context expects one. */
  get prediction(): Prediction | undefined {
    const entry = this.#table[this.#number()]!;
    return entry.trust === 0 ? undefined : entry;
  }

  /** Learns from an event. @param stepUs what a time event's clock has passed since the last one; of others 0 */
  learn(shape: Shape, stepUs: number): void {
    const number = this.#number();
    const { trust, ...kept } = this.#table[number]!;
    if (trust !== 0 && isSame(kept.shape, shape)) {
      this.#table[number] = { shape, stepUs, trust: Math.min(trust + 1, 3) };
    } else if (trust >= 2) {
      this.#table[number] = { ...kept, trust: trust - 1 };
    } else {
      this.#table[number] = { shape, stepUs, trust: 1 };
    }
    this.#older = this.#newer;
    this.#newer = hash(shape);
  }

  /** The dictionary of events with this tag. */
  dictionary(tag: number): Uint8Array {
    return this.#dictionaries[dictionaryNumber(tag)]!;
  }

  /** Keeps an event's bytes as the dictionary of those that come, and as a flow's frame, if they are fit for that. */
  keep(tag: number, bytes: Uint8Array): void {
    if (kindOf(tag) === "data") this.flows.learn(bytes);
    const most = kindOf(tag) === "data" ? 4096 : 65_536;
    if (bytes.length < FORM_BYTES || bytes.length > most) return;
    this.#dictionaries[dictionaryNumber(tag)] = bytes;
  }

  #number(): number {
    const rotated = this.#older << 5 | this.#older >>> 27;
    return Math.imul(rotated ^ this.#newer, 0x9e3779b1) >>> 22;
  }
}

/** 8 · kind + selector mod 8. */
function dictionaryNumber(tag: number): number {
  return 8 * (tag % 4) + (tag >> 2) % 8;
}
