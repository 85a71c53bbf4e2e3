export class RawDecoder {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RawDecoderFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_rawdecoder_free(ptr, 0);
    }
    /**
     * @returns {string}
     */
    complaint() {
        let deferred1_0;
        let deferred1_1;
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            wasm.rawdecoder_complaint(retptr, this.__wbg_ptr);
            var r0 = getDataViewMemory0().getInt32(retptr + 4 * 0, true);
            var r1 = getDataViewMemory0().getInt32(retptr + 4 * 1, true);
            deferred1_0 = r0;
            deferred1_1 = r1;
            return getStringFromWasm0(r0, r1);
        } finally {
            wasm.__wbindgen_add_to_stack_pointer(16);
            wasm.__wbindgen_export2(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * @returns {number}
     */
    headAt() {
        const ret = wasm.rawdecoder_headAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    constructor() {
        const ret = wasm.rawdecoder_new();
        this.__wbg_ptr = ret;
        RawDecoderFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Opens the frame that was placed; what it says is then in the head.
     * @returns {boolean}
     */
    open() {
        const ret = wasm.rawdecoder_open(this.__wbg_ptr);
        return ret !== 0;
    }
    /**
     * The address of `bytes` bytes, for the caller to put a frame into.
     * @param {number} bytes
     * @returns {number}
     */
    place(bytes) {
        const ret = wasm.rawdecoder_place(this.__wbg_ptr, bytes);
        return ret >>> 0;
    }
}
if (Symbol.dispose) RawDecoder.prototype[Symbol.dispose] = RawDecoder.prototype.free;

export class RawEncoder {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RawEncoderFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_rawencoder_free(ptr, 0);
    }
    /**
     * Where the bytes that the frame's events carry are, with room for so many; they stay as they
     * are, but perhaps not where they were.
     * @param {number} room
     * @returns {number}
     */
    bytesAt(room) {
        const ret = wasm.rawencoder_bytesAt(this.__wbg_ptr, room);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    bytesRoom() {
        const ret = wasm.rawencoder_bytesRoom(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * The address of the sealed frame, `frameBytes` long, until the next call; 0 if refused.
     * @param {number} g
     * @param {number} sequence
     * @param {number} through
     * @param {number} exits
     * @param {number} outputs
     * @returns {number}
     */
    close(g, sequence, through, exits, outputs) {
        const ret = wasm.rawencoder_close(this.__wbg_ptr, g, sequence, through, exits, outputs);
        return ret >>> 0;
    }
    /**
     * @returns {string}
     */
    complaint() {
        let deferred1_0;
        let deferred1_1;
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            wasm.rawencoder_complaint(retptr, this.__wbg_ptr);
            var r0 = getDataViewMemory0().getInt32(retptr + 4 * 0, true);
            var r1 = getDataViewMemory0().getInt32(retptr + 4 * 1, true);
            deferred1_0 = r0;
            deferred1_1 = r1;
            return getStringFromWasm0(r0, r1);
        } finally {
            wasm.__wbindgen_add_to_stack_pointer(16);
            wasm.__wbindgen_export2(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * @returns {number}
     */
    frameBytes() {
        const ret = wasm.rawencoder_frameBytes(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @param {number} chain
     * @param {boolean} dense
     */
    constructor(chain, dense) {
        const ret = wasm.rawencoder_new(chain, dense);
        this.__wbg_ptr = ret;
        RawEncoderFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Where the batch is.
     * @returns {number}
     */
    recordsAt() {
        const ret = wasm.rawencoder_recordsAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * Takes the first so many records of the batch in.
     * @param {number} records
     * @returns {boolean}
     */
    take(records) {
        const ret = wasm.rawencoder_take(this.__wbg_ptr, records);
        return ret !== 0;
    }
}
if (Symbol.dispose) RawEncoder.prototype[Symbol.dispose] = RawEncoder.prototype.free;

/**
 * Headers and messages: calls that keep nothing.
 */
export class RawMessages {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RawMessagesFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_rawmessages_free(ptr, 0);
    }
    /**
     * @returns {string}
     */
    complaint() {
        let deferred1_0;
        let deferred1_1;
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            wasm.rawmessages_complaint(retptr, this.__wbg_ptr);
            var r0 = getDataViewMemory0().getInt32(retptr + 4 * 0, true);
            var r1 = getDataViewMemory0().getInt32(retptr + 4 * 1, true);
            deferred1_0 = r0;
            deferred1_1 = r1;
            return getStringFromWasm0(r0, r1);
        } finally {
            wasm.__wbindgen_add_to_stack_pointer(16);
            wasm.__wbindgen_export2(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * @returns {number}
     */
    headAt() {
        const ret = wasm.rawmessages_headAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    constructor() {
        const ret = wasm.rawmessages_new();
        this.__wbg_ptr = ret;
        RawMessagesFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Where in the message that was placed its bytes begin; 0 if refused.
     * @returns {number}
     */
    open() {
        const ret = wasm.rawmessages_open(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * The address of `bytes` bytes, for the caller to put a frame, or its header, into.
     * @param {number} bytes
     * @returns {number}
     */
    place(bytes) {
        const ret = wasm.rawmessages_place(this.__wbg_ptr, bytes);
        return ret >>> 0;
    }
    /**
     * What the header that was placed says: its second byte above the payload's length of 24 bits;
     * 0 if refused.
     * @returns {number}
     */
    readHeader() {
        const ret = wasm.rawmessages_readHeader(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * A sealed message; nothing if refused.
     * @param {number} kind
     * @param {number} generation
     * @param {number} sequence
     * @param {number} through
     * @param {Uint8Array} bytes
     * @returns {Uint8Array | undefined}
     */
    seal(kind, generation, sequence, through, bytes) {
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            const ptr0 = passArray8ToWasm0(bytes, wasm.__wbindgen_export);
            const len0 = WASM_VECTOR_LEN;
            wasm.rawmessages_seal(retptr, this.__wbg_ptr, kind, generation, sequence, through, ptr0, len0);
            var r0 = getDataViewMemory0().getInt32(retptr + 4 * 0, true);
            var r1 = getDataViewMemory0().getInt32(retptr + 4 * 1, true);
            let v2;
            if (r0 !== 0) {
                v2 = getArrayU8FromWasm0(r0, r1).slice();
                wasm.__wbindgen_export2(r0, r1 * 1, 1);
            }
            return v2;
        } finally {
            wasm.__wbindgen_add_to_stack_pointer(16);
        }
    }
}
if (Symbol.dispose) RawMessages.prototype[Symbol.dispose] = RawMessages.prototype.free;

export class RawPageDecoder {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RawPageDecoderFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_rawpagedecoder_free(ptr, 0);
    }
    /**
     * @returns {string}
     */
    complaint() {
        let deferred1_0;
        let deferred1_1;
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            wasm.rawpagedecoder_complaint(retptr, this.__wbg_ptr);
            var r0 = getDataViewMemory0().getInt32(retptr + 4 * 0, true);
            var r1 = getDataViewMemory0().getInt32(retptr + 4 * 1, true);
            deferred1_0 = r0;
            deferred1_1 = r1;
            return getStringFromWasm0(r0, r1);
        } finally {
            wasm.__wbindgen_add_to_stack_pointer(16);
            wasm.__wbindgen_export2(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * Decodes the record.
     * @param {boolean} has_base
     * @returns {boolean}
     */
    decode(has_base) {
        const ret = wasm.rawpagedecoder_decode(this.__wbg_ptr, has_base);
        return ret !== 0;
    }
    constructor() {
        const ret = wasm.rawpagedecoder_new();
        this.__wbg_ptr = ret;
        RawPageDecoderFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Moves to the next record: 0 at the end, 1 if it is a page by itself, 2 if it is changes, for
     * which the base is to be put where the page comes out.
     * @returns {number}
     */
    next() {
        const ret = wasm.rawpagedecoder_next(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * The record's page number.
     * @returns {number}
     */
    number() {
        const ret = wasm.rawpagedecoder_number(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * Checks the batch's records, for a memory of so many pages.
     * @param {number} memory_pages
     * @returns {boolean}
     */
    open(memory_pages) {
        const ret = wasm.rawpagedecoder_open(this.__wbg_ptr, memory_pages);
        return ret !== 0;
    }
    /**
     * Where the page comes out.
     * @returns {number}
     */
    pageAt() {
        const ret = wasm.rawpagedecoder_pageAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * The address of `bytes` bytes, for the caller to put a batch into.
     * @param {number} bytes
     * @returns {number}
     */
    place(bytes) {
        const ret = wasm.rawpagedecoder_place(this.__wbg_ptr, bytes);
        return ret >>> 0;
    }
}
if (Symbol.dispose) RawPageDecoder.prototype[Symbol.dispose] = RawPageDecoder.prototype.free;

export class RawPageEncoder {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RawPageEncoderFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_rawpageencoder_free(ptr, 0);
    }
    /**
     * Where their bases go.
     * @returns {number}
     */
    basesAt() {
        const ret = wasm.rawpageencoder_basesAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    batchAt() {
        const ret = wasm.rawpageencoder_batchAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    batchBytes() {
        const ret = wasm.rawpageencoder_batchBytes(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {string}
     */
    complaint() {
        let deferred1_0;
        let deferred1_1;
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            wasm.rawpageencoder_complaint(retptr, this.__wbg_ptr);
            var r0 = getDataViewMemory0().getInt32(retptr + 4 * 0, true);
            var r1 = getDataViewMemory0().getInt32(retptr + 4 * 1, true);
            deferred1_0 = r0;
            deferred1_1 = r1;
            return getStringFromWasm0(r0, r1);
        } finally {
            wasm.__wbindgen_add_to_stack_pointer(16);
            wasm.__wbindgen_export2(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * How many records the batch has.
     * @returns {number}
     */
    count() {
        const ret = wasm.rawpageencoder_count(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * Appends the first `count` pages of the chunk, of which there must be room for.
     * @param {number} count
     * @param {boolean} has_bases
     * @returns {boolean}
     */
    encode(count, has_bases) {
        const ret = wasm.rawpageencoder_encode(this.__wbg_ptr, count, has_bases);
        return ret !== 0;
    }
    constructor() {
        const ret = wasm.rawpageencoder_new();
        this.__wbg_ptr = ret;
        RawPageEncoderFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Where a chunk's page numbers go, u32 each.
     * @returns {number}
     */
    numbersAt() {
        const ret = wasm.rawpageencoder_numbersAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * Where a chunk's pages go.
     * @returns {number}
     */
    pagesAt() {
        const ret = wasm.rawpageencoder_pagesAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    reset() {
        wasm.rawpageencoder_reset(this.__wbg_ptr);
    }
    /**
     * How many pages the next chunk may have: as many as fit the batch for sure; 0 if it is full.
     * @returns {number}
     */
    room() {
        const ret = wasm.rawpageencoder_room(this.__wbg_ptr);
        return ret >>> 0;
    }
}
if (Symbol.dispose) RawPageEncoder.prototype[Symbol.dispose] = RawPageEncoder.prototype.free;

/**
 * @param {number} seed
 * @param {Uint8Array} bytes
 * @returns {number}
 */
export function crc32c(seed, bytes) {
    const ptr0 = passArray8ToWasm0(bytes, wasm.__wbindgen_export);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.crc32c(seed, ptr0, len0);
    return ret >>> 0;
}

/**
 * The memory that addresses point into; its buffer is another one after it has grown.
 * @returns {any}
 */
export function wasmMemory() {
    const ret = wasm.wasmMemory();
    return takeObject(ret);
}
export function __wbg___wbindgen_memory_caa4a6165639c8b5() {
    const ret = wasm.memory;
    return addHeapObject(ret);
}
export function __wbg___wbindgen_throw_41e9ee4f547fc59a(arg0, arg1) {
    throw new Error(getStringFromWasm0(arg0, arg1));
}
const RawDecoderFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_rawdecoder_free(ptr, 1));
const RawEncoderFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_rawencoder_free(ptr, 1));
const RawMessagesFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_rawmessages_free(ptr, 1));
const RawPageDecoderFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_rawpagedecoder_free(ptr, 1));
const RawPageEncoderFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_rawpageencoder_free(ptr, 1));

function addHeapObject(obj) {
    if (heap_next === heap.length) heap.push(heap.length + 1);
    const idx = heap_next;
    heap_next = heap[idx];

    heap[idx] = obj;
    return idx;
}

function dropObject(idx) {
    if (idx < 1028) return;
    heap[idx] = heap_next;
    heap_next = idx;
}

function getArrayU8FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint8ArrayMemory0().subarray(ptr / 1, ptr / 1 + len);
}

let cachedDataViewMemory0 = null;
function getDataViewMemory0() {
    if (cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined && cachedDataViewMemory0.buffer !== wasm.memory.buffer)) {
        cachedDataViewMemory0 = new DataView(wasm.memory.buffer);
    }
    return cachedDataViewMemory0;
}

function getStringFromWasm0(ptr, len) {
    return decodeText(ptr >>> 0, len);
}

let cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
    if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {
        cachedUint8ArrayMemory0 = new Uint8Array(wasm.memory.buffer);
    }
    return cachedUint8ArrayMemory0;
}

function getObject(idx) { return heap[idx]; }

let heap = new Array(1024).fill(undefined);
heap.push(undefined, null, true, false);

let heap_next = heap.length;

function passArray8ToWasm0(arg, malloc) {
    const ptr = malloc(arg.length * 1, 1) >>> 0;
    getUint8ArrayMemory0().set(arg, ptr / 1);
    WASM_VECTOR_LEN = arg.length;
    return ptr;
}

function takeObject(idx) {
    const ret = getObject(idx);
    dropObject(idx);
    return ret;
}

let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
cachedTextDecoder.decode();
const MAX_SAFARI_DECODE_BYTES = 2146435072;
let numBytesDecoded = 0;
function decodeText(ptr, len) {
    numBytesDecoded += len;
    if (numBytesDecoded >= MAX_SAFARI_DECODE_BYTES) {
        cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
        cachedTextDecoder.decode();
        numBytesDecoded = len;
    }
    return cachedTextDecoder.decode(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}

let WASM_VECTOR_LEN = 0;


let wasm;
export function __wbg_set_wasm(val) {
    wasm = val;
}
