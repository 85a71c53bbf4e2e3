/**
 * The smallest machine that is a deterministic function of its events: every exit and every event goes into
 * a hash, and what it puts out comes out of it. So two histories show in the bytes, and one wrong bit is
 * a divergence.
 */
import type { LogEvent } from "../../codec/codec.ts";
import type { Output } from "../../protocol/output_gate.ts";

/** Its sinks: a console and another one. */
export const SINKS = 2;
const STATE_WORDS = 8;
/** The pages of its memory, a number each. */
export const MEMORY_PAGES = 12;
/** A page's number, and what is in it. */
export type Page = readonly [page: number, value: number];
/** Of a section with an output: its sink, its offset. */
const OUTPUT_HEAD_BYTES = 16;

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
  /** Its guest has ended. */
  hasEnded = false;
  /** What it writes to as it runs, and reads from. */
  readonly memory = new Uint32Array(MEMORY_PAGES);
  /** The pages that it has written. Whoever wants to know clears it. */
  readonly written = new Set<number>();
  /** A bit of it has fallen over. */
  isFlipped = false;

  /** Runs to its next exit. */
  run(): void {
    this.point++;
    const { hash, memory } = this;
    // A few pages are written all the time, the others now and then.
    const page = hash % (hash % 5 === 0 ? MEMORY_PAGES : 3);
    memory[page] = hash;
    this.written.add(page);
    this.#mix(this.point ^ memory[(hash >>> 8) % MEMORY_PAGES]!);
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
        if (event.section === 1) this.#loadPages(event.bytes);
        if (event.section === 2) this.#load(event.bytes);
        if (event.section === 3) this.undone.push(this.#loadOutput(event.bytes));
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
    return this.undone.map(({ sink, offset, bytes }) => {
      const section = new Uint8Array(OUTPUT_HEAD_BYTES + bytes.length);
      new Float64Array(section.buffer, 0, 2).set([sink, offset]);
      section.set(bytes, OUTPUT_HEAD_BYTES);
      return section;
    });
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

  #load(bytes: Uint8Array<ArrayBuffer>): void {
    const words = new Float64Array(bytes.buffer, bytes.byteOffset, STATE_WORDS);
    [this.point, this.clockUs, this.received] = [words[0]!, words[1]!, words[2]!];
    [this.offsets[0], this.offsets[1]] = [words[3]!, words[4]!];
    [this.hash, this.outputsHash, this.hasEnded] = [words[5]!, words[6]!, words[7] === 1];
  }

  #loadPages(bytes: Uint8Array<ArrayBuffer>): void {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (let at = 0; at < words.length; at += 2) this.memory[words[at]!] = words[at + 1]!;
  }

  #loadOutput(section: Uint8Array<ArrayBuffer>): Output {
    const [sink, offset] = new Float64Array(section.slice(0, OUTPUT_HEAD_BYTES).buffer);
    const bytes = section.slice(OUTPUT_HEAD_BYTES);
    return { sink: sink!, offset: offset!, point: this.point, bytes };
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
