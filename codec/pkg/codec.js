/* @ts-self-types="./codec.d.ts" */
import * as wasm from "./codec_bg.wasm";
import { __wbg_set_wasm } from "./codec_bg.js";

__wbg_set_wasm(wasm);

export {
    RawDecoder, RawEncoder, RawMessages, RawPageDecoder, RawPageEncoder, crc32c, wasmMemory
} from "./codec_bg.js";
