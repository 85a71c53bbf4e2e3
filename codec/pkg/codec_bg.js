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
     * @returns {number}
     */
    bytesAt() {
        const ret = wasm.rawdecoder_bytesAt(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    bytesLength() {
        const ret = wasm.rawdecoder_bytesLength(this.__wbg_ptr);
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
    eventCount() {
        const ret = wasm.rawdecoder_eventCount(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {bigint}
     */
    exitsChecksum() {
        const ret = wasm.rawdecoder_exitsChecksum(this.__wbg_ptr);
        return BigInt.asUintN(64, ret);
    }
    /**
     * @returns {number}
     */
    generation() {
        const ret = wasm.rawdecoder_generation(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * Where a payload begins, from the address that `place` gave.
     * @returns {number}
     */
    headerBytes() {
        const ret = wasm.rawdecoder_headerBytes(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    kind() {
        const ret = wasm.rawdecoder_kind(this.__wbg_ptr);
        return ret;
    }
    constructor() {
        const ret = wasm.rawdecoder_new();
        this.__wbg_ptr = ret;
        RawDecoderFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Moves to the next event and returns its kind: 1 time, 2 data, 3 state, 4 control; 0 at the
     * end. What the event says is then in `point`, `value`, `bytesAt`, `bytesLength`.
     * @returns {number}
     */
    next() {
        const ret = wasm.rawdecoder_next(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {boolean}
     */
    openLog() {
        const ret = wasm.rawdecoder_openLog(this.__wbg_ptr);
        return ret !== 0;
    }
    /**
     * @returns {boolean}
     */
    openMessage() {
        const ret = wasm.rawdecoder_openMessage(this.__wbg_ptr);
        return ret !== 0;
    }
    /**
     * @returns {bigint}
     */
    outputsChecksum() {
        const ret = wasm.rawdecoder_outputsChecksum(this.__wbg_ptr);
        return BigInt.asUintN(64, ret);
    }
    /**
     * @returns {number}
     */
    payloadBytes() {
        const ret = wasm.rawdecoder_payloadBytes(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * The address of `bytes` bytes, for the caller to put a frame, or its header, into.
     * @param {number} bytes
     * @returns {number}
     */
    place(bytes) {
        const ret = wasm.rawdecoder_place(this.__wbg_ptr, bytes);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    point() {
        const ret = wasm.rawdecoder_point(this.__wbg_ptr);
        return ret;
    }
    /**
     * @returns {boolean}
     */
    readHeader() {
        const ret = wasm.rawdecoder_readHeader(this.__wbg_ptr);
        return ret !== 0;
    }
    /**
     * @returns {number}
     */
    sequence() {
        const ret = wasm.rawdecoder_sequence(this.__wbg_ptr);
        return ret;
    }
    /**
     * @returns {number}
     */
    through() {
        const ret = wasm.rawdecoder_through(this.__wbg_ptr);
        return ret;
    }
    /**
     * @returns {number}
     */
    value() {
        const ret = wasm.rawdecoder_value(this.__wbg_ptr);
        return ret;
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
     * The address of the event's `length` bytes, to be filled at once; 0 if refused.
     * @param {number} kind
     * @param {number} point
     * @param {number} selector
     * @param {number} length
     * @returns {number}
     */
    bytes(kind, point, selector, length) {
        const ret = wasm.rawencoder_bytes(this.__wbg_ptr, kind, point, selector, length);
        return ret >>> 0;
    }
    /**
     * The address of the sealed frame, `frameBytes` long, until the next call; 0 if refused.
     * @param {number} g
     * @param {number} sequence
     * @param {number} through
     * @param {bigint} exits
     * @param {bigint} outputs
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
    eventCount() {
        const ret = wasm.rawencoder_eventCount(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    frameBytes() {
        const ret = wasm.rawencoder_frameBytes(this.__wbg_ptr);
        return ret >>> 0;
    }
    constructor() {
        const ret = wasm.rawencoder_new();
        this.__wbg_ptr = ret;
        RawEncoderFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * @returns {number}
     */
    payloadBytes() {
        const ret = wasm.rawencoder_payloadBytes(this.__wbg_ptr);
        return ret >>> 0;
    }
    reset() {
        wasm.rawencoder_reset(this.__wbg_ptr);
    }
    /**
     * @param {number} bytes
     * @returns {boolean}
     */
    room(bytes) {
        const ret = wasm.rawencoder_room(this.__wbg_ptr, bytes);
        return ret !== 0;
    }
    /**
     * A sealed message; nothing if refused. The open log frame is not touched.
     * @param {number} kind
     * @param {number} generation
     * @param {number} sequence
     * @param {number} through
     * @param {Uint8Array} payload
     * @returns {Uint8Array | undefined}
     */
    sealMessage(kind, generation, sequence, through, payload) {
        try {
            const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
            const ptr0 = passArray8ToWasm0(payload, wasm.__wbindgen_export);
            const len0 = WASM_VECTOR_LEN;
            wasm.rawencoder_sealMessage(retptr, this.__wbg_ptr, kind, generation, sequence, through, ptr0, len0);
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
    /**
     * @param {number} point
     * @param {number} clock_us
     * @returns {boolean}
     */
    time(point, clock_us) {
        const ret = wasm.rawencoder_time(this.__wbg_ptr, point, clock_us);
        return ret !== 0;
    }
}
if (Symbol.dispose) RawEncoder.prototype[Symbol.dispose] = RawEncoder.prototype.free;

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
