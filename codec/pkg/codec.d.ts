/* tslint:disable */
/* eslint-disable */

export class RawDecoder {
    free(): void;
    [Symbol.dispose](): void;
    bytesAt(): number;
    bytesLength(): number;
    complaint(): string;
    eventCount(): number;
    exitsChecksum(): bigint;
    generation(): number;
    /**
     * Where a payload begins, from the address that `place` gave.
     */
    headerBytes(): number;
    kind(): number;
    constructor();
    /**
     * Moves to the next event and returns its kind: 1 time, 2 data, 3 state, 4 control; 0 at the
     * end. What the event says is then in `point`, `value`, `bytesAt`, `bytesLength`.
     */
    next(): number;
    openLog(): boolean;
    openMessage(): boolean;
    outputsChecksum(): bigint;
    payloadBytes(): number;
    /**
     * The address of `bytes` bytes, for the caller to put a frame, or its header, into.
     */
    place(bytes: number): number;
    point(): number;
    readHeader(): boolean;
    sequence(): number;
    through(): number;
    value(): number;
}

export class RawEncoder {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The address of the event's `length` bytes, to be filled at once; 0 if refused.
     */
    bytes(kind: number, point: number, selector: number, length: number): number;
    /**
     * The address of the sealed frame, `frameBytes` long, until the next call; 0 if refused.
     */
    close(g: number, sequence: number, through: number, exits: bigint, outputs: bigint): number;
    complaint(): string;
    eventCount(): number;
    frameBytes(): number;
    constructor();
    payloadBytes(): number;
    reset(): void;
    room(bytes: number): boolean;
    /**
     * A sealed message; nothing if refused. The open log frame is not touched.
     */
    sealMessage(kind: number, generation: number, sequence: number, through: number, payload: Uint8Array): Uint8Array | undefined;
    time(point: number, clock_us: number): boolean;
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
