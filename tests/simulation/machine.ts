/**
 * The smallest machine that is a deterministic function of its events: every exit and every event goes into
 * a hash, and what it puts out comes out of it. So two histories show in the bytes, and one wrong bit is
 * a divergence.
 */
import type { LogEvent } from "../../codec/codec.ts";
import { decodeStateOutput, encodeStateOutput } from "../../codec/state_output.ts";
import type { Output } from "../../protocol/output_gate.ts";

/** Its sinks: a console and another one. */
export const SINKS = 2;
/** The sections of its state. */
export const SimSection = { pages: 1, rest: 2, output: 3 } as const;
const STATE_WORDS = 8;
/** The pages of its memory, a number each. */
export const MEMORY_PAGES = 12;
/** A page's number, and what is in it. */
export type Page = readonly [page: number, value: number];
/** What a page takes in a section. */
export const PAGE_SECTION_BYTES = 8;

/** What it can put out: made once, since a run puts out a lot. */
const TEXTS = Array.from(
  { length: 256 },
  (_, value) => new Uint8Array([value, value ^ 0x5a, value + 1].slice(value % 3)),
);

/** See the top of the file. */
export class SimMachine {
  point = 0;
  clockUs = 0;
  /** Console input that it has taken: a stream offset. */
  received = 0;
  /** Where each sink's stream ends. */
  readonly offsets: number[] = [0, 0];
  hash = 1;
  outputsHash = 1;
  /** Outputs that are not known to be done: part of its state. */
  undone: Output[] = [];
  /** What it writes to as it runs, and reads from. */
  readonly memory = new Uint32Array(MEMORY_PAGES);
  /** Who wants to know which pages it writes. */
  readonly #listeners = new Set<Set<number>>();
  /** Its guest has ended. */
  hasEnded = false;
  /** A bit of it has fallen over. */
  isFlipped = false;

  /** Runs to its next exit. */
  run(): void {
    this.point++;
    this.compute(this.point);
  }

  /** Computes, and writes to its memory: what comes of it depends on what is in there, and on this. */
  compute(value: number): void {
    this.#mix(value);
    const { hash, memory } = this;
    // A few pages are written all the time, the others now and then.
    const page = hash % (hash % 5 === 0 ? MEMORY_PAGES : 3);
    memory[page]! ^= hash;
    for (const written of this.#listeners) written.add(page);
    this.#mix(memory[(hash >>> 8) % MEMORY_PAGES]!);
  }

  /** An event enters where it stands. */
  enter(event: LogEvent): void {
    switch (event.kind) {
      case "time":
        this.clockUs = event.clockUs;
        return this.#mix(event.clockUs);
      case "data":
        this.received += event.bytes.length;
        for (const byte of event.bytes) this.#mix(byte);
        return;
      case "control":
        this.hasEnded = true;
        return;
      case "state":
        if (event.section === SimSection.pages) this.loadPages(event.bytes);
        else if (event.section === SimSection.rest) this.load(event.bytes);
        else this.undone.push({ ...decodeStateOutput(event.bytes), point: this.point });
    }
  }

  /** The sink's outputs below this offset are done. */
  doneThrough(sink: number, offset: number): void {
    this.undone = this.undone.filter((output) =>
      output.sink !== sink || output.offset + output.bytes.length > offset
    );
  }

  /** The outputs that are not done, each as a section of its state. */
  saveOutputs(): Uint8Array<ArrayBuffer>[] {
    return this.undone.map(encodeStateOutput);
  }

  /** Serves the exit: may put something out. */
  serve(): Output | undefined {
    const { hash, point, offsets } = this;
    if (hash % 3 !== 0) return undefined;
    const sink = hash % 7 === 0 ? 1 : 0;
    const bytes = TEXTS[hash >>> 5 & 0xff]!;
    const offset = offsets[sink]!;
    offsets[sink] = offset + bytes.length;
    this.outputsHash = Math.imul(this.outputsHash ^ hash, 0x85ebca6b) >>> 0;
    const output = { sink, offset, point, bytes };
    this.undone.push(output);
    return output;
  }

  /** A bit falls over: from here on it is another machine. */
  flip(): void {
    this.hash = (this.hash ^ 0x10000) >>> 0;
    this.isFlipped = true;
  }

  /** A checksum of what it is and of its memory. */
  get digest(): number {
    let digest = this.hash;
    for (const word of this.memory) digest = Math.imul(digest ^ word, 0x85ebca6b) >>> 0;
    return digest;
  }

  /** From now on adds the pages that it writes to what it returns, whose owner takes them out of there. */
  listen(): Set<number> {
    const written = new Set<number>();
    this.#listeners.add(written);
    return written;
  }

  /** Ends what {@link listen} began. */
  forget(written: Set<number>): void {
    this.#listeners.delete(written);
  }

  /** What is in these pages. */
  read(pages: Iterable<number>): Page[] {
    return Array.from(pages, (page) => [page, this.memory[page]!]);
  }

  /** What {@link encodePages} made. */
  loadPages(bytes: Uint8Array<ArrayBuffer>): void {
    const words = new Uint32Array(bytes.slice().buffer);
    for (let at = 0; at < words.length; at += 2) this.memory[words[at]!] = words[at + 1]!;
  }

  /** All of it but its memory. */
  save(): Uint8Array<ArrayBuffer> {
    const [first, second] = this.offsets;
    return new Uint8Array(
      new Float64Array([
        this.point,
        this.clockUs,
        this.received,
        first!,
        second!,
        this.hash,
        this.outputsHash,
        Number(this.hasEnded),
      ]).buffer,
    );
  }

  /** What {@link save} saved. */
  load(bytes: Uint8Array<ArrayBuffer>): void {
    const words = new Float64Array(bytes.slice().buffer, 0, STATE_WORDS);
    this.isFlipped = false;
    [this.point, this.clockUs, this.received] = [words[0]!, words[1]!, words[2]!];
    [this.offsets[0], this.offsets[1]] = [words[3]!, words[4]!];
    [this.hash, this.outputsHash, this.hasEnded] = [words[5]!, words[6]!, words[7] === 1];
  }

  #mix(value: number): void {
    const mixed = Math.imul(this.hash ^ value, 0x9e3779b1);
    this.hash = (mixed ^ (mixed >>> 15)) >>> 0;
  }
}

/** A section of a state with some pages. */
export function encodePages(pages: readonly Page[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array(pages.flat()).buffer);
}
