/* tslint:disable */
/* eslint-disable */

export class RawDecoder {
    free(): void;
    [Symbol.dispose](): void;
    complaint(): string;
    headAt(): number;
    constructor();
    /**
     * Opens the frame that was placed; what it says is then in the head.
     */
    open(): boolean;
    /**
     * The address of `bytes` bytes, for the caller to put a frame into.
     */
    place(bytes: number): number;
}

export class RawEncoder {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Where the bytes that the frame's events carry are, with room for so many; they stay as they
     * are, but perhaps not where they were.
     */
    bytesAt(room: number): number;
    bytesRoom(): number;
    /**
     * The address of the sealed frame, `frameBytes` long, until the next call; 0 if refused.
     */
    close(g: number, sequence: number, through: number, exits: number, outputs: number): number;
    complaint(): string;
    frameBytes(): number;
    constructor(chain: number, dense: boolean);
    /**
     * Where the batch is.
     */
    recordsAt(): number;
    /**
     * Takes the first so many records of the batch in.
     */
    take(records: number): boolean;
}

/**
 * Headers and messages: calls that keep nothing.
 */
export class RawMessages {
    free(): void;
    [Symbol.dispose](): void;
    complaint(): string;
    headAt(): number;
    constructor();
    /**
     * Where in the message that was placed its bytes begin; 0 if refused.
     */
    open(): number;
    /**
     * The address of `bytes` bytes, for the caller to put a frame, or its header, into.
     */
    place(bytes: number): number;
    /**
     * What the header that was placed says: its second byte above the payload's length of 24 bits;
     * 0 if refused.
     */
    readHeader(): number;
    /**
     * A sealed message; nothing if refused.
     */
    seal(kind: number, generation: number, sequence: number, through: number, bytes: Uint8Array): Uint8Array | undefined;
}

export class RawPageDecoder {
    free(): void;
    [Symbol.dispose](): void;
    complaint(): string;
    /**
     * Decodes the record.
     */
    decode(has_base: boolean): boolean;
    constructor();
    /**
     * Moves to the next record: 0 at the end, 1 if it is a page by itself, 2 if it is changes, for
     * which the base is to be put where the page comes out.
     */
    next(): number;
    /**
     * The record's page number.
     */
    number(): number;
    /**
     * Checks the batch's records, for a memory of so many pages.
     */
    open(memory_pages: number): boolean;
    /**
     * Where the page comes out.
     */
    pageAt(): number;
    /**
     * The address of `bytes` bytes, for the caller to put a batch into.
     */
    place(bytes: number): number;
}

export class RawPageEncoder {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Where their bases go.
     */
    basesAt(): number;
    batchAt(): number;
    batchBytes(): number;
    complaint(): string;
    /**
     * How many records the batch has.
     */
    count(): number;
    /**
     * Appends the first `count` pages of the chunk, of which there must be room for.
     */
    encode(count: number, has_bases: boolean): boolean;
    constructor();
    /**
     * Where a chunk's page numbers go, u32 each.
     */
    numbersAt(): number;
    /**
     * Where a chunk's pages go.
     */
    pagesAt(): number;
    reset(): void;
    /**
     * How many pages the next chunk may have: as many as fit the batch for sure; 0 if it is full.
     */
    room(): number;
}

export function crc32c(seed: number, bytes: Uint8Array): number;

/**
 * The memory that addresses point into; its buffer is another one after it has grown.
 */
export function wasmMemory(): any;
