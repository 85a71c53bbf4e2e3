/**
 * The smallest machine that is a deterministic function of its events: every exit and every event goes into
 * a hash, and what it puts out comes out of it. So two histories show in the bytes, and one wrong bit is
 * a divergence.
 */
import type { LogEvent } from "../../codec/codec.ts";
import type { Output } from "../../protocol/output_gate.ts";

/** Its sinks: a console and another one. */
export const SINKS = 2;
/** Pages of its memory: a word each. */
export const PAGES = 4;
/** The sections of its state. */
export const SimSection = { page: 1, rest: 2, output: 3 } as const;
const STATE_WORDS = 8;
/** A page's section: its number and its word. */
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
  readonly memory = new Uint32Array(PAGES);
  /** Pages that were written since they were last taken: a bit each. */
  #dirty = 0;
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
    const page = this.hash % PAGES;
    this.#mix(this.memory[page]!);
    this.memory[page]! ^= this.hash;
    this.#dirty |= 1 << page;
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
        if (event.section === SimSection.page) this.loadPage(event.bytes);
        else this.load(event.bytes);
    }
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
    return { sink, offset, point, bytes };
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

  /** The pages that were written since the last call. */
  takeDirty(): number[] {
    const pages = Array.from({ length: PAGES }, (_, page) => page).filter((page) =>
      this.#dirty >>> page & 1
    );
    this.#dirty = 0;
    return pages;
  }

  /** One page. */
  savePage(page: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(new Uint32Array([page, this.memory[page]!]).buffer);
  }

  /** What {@link savePage} saved. */
  loadPage(bytes: Uint8Array<ArrayBuffer>): void {
    const [page, word] = new Uint32Array(bytes.slice().buffer);
    this.memory[page!] = word!;
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
