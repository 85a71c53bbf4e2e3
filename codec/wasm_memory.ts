/**
 * The memory that this side shares with the codec's WASM, one a thread. Growing detaches its buffer: nobody may keep a
 * view over a call into WASM, so views are asked for here each time they are used.
 */
import { wasmMemory } from "./pkg/codec.js";

const memory: WebAssembly.Memory = wasmMemory();
let bytes = new Uint8Array(memory.buffer as ArrayBuffer);
let words = new Uint32Array(memory.buffer);
let numbers = new Float64Array(memory.buffer);

function renew(): void {
  bytes = new Uint8Array(memory.buffer as ArrayBuffer);
  words = new Uint32Array(memory.buffer);
  numbers = new Float64Array(memory.buffer);
}

/** All of it, by bytes. */
export function wasmBytes(): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) renew();
  return bytes;
}

/** All of it, by 32-bit words. */
export function wasmWords(): Uint32Array {
  if (words.length === 0) renew();
  return words;
}

/** All of it, by doubles. */
export function wasmNumbers(): Float64Array {
  if (numbers.length === 0) renew();
  return numbers;
}
