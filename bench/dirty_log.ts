/**
 * What it costs a guest that somebody listens to the dirty set: a guest in ring 3 that writes a word to each page of its
 * memory, page after page. The first write to a page after a drain is a fault; the second is not, nor is any while
 * nobody listens. Then what the listening side pays: a drain, and the beginning and end of listening.
 *
 *   deno run -A bench/dirty_log.ts [--json] [--pairs 5] [--mib 64]
 *
 * All figures are nanoseconds a page. None has an aim: it is the host that sets them.
 */
import { parseArgs } from "node:util";
import { Machine } from "../machine/machine.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";
import { compareAll, report } from "./compare.ts";
import { enterLongMode, mapMemory, registers } from "./long_mode.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    pairs: { type: "string", default: "5" },
    mib: { type: "string", default: "64" },
  },
});

const CODE_ADDRESS = 0x100000;
const FIRST_WRITTEN = 0x200000;
const memoryBytes = Number(values.mib) << 20;
const written = (memoryBytes - FIRST_WRITTEN) / PAGE_BYTES;
const dword = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const CODE = [
  ...[0xbf, ...dword(FIRST_WRITTEN)], // again: mov edi, first
  ...[0xb9, ...dword(written)], // mov ecx, pages
  ...[0x48, 0x83, 0x07, 0x01], // next: add qword [rdi], 1
  ...[0x48, 0x81, 0xc7, ...dword(PAGE_BYTES)], // add rdi, 4096
  ...[0xff, 0xc9], // dec ecx
  ...[0x75, 0xf1], // jnz next
  ...[0xe6, 0x80], // out 0x80, al
  ...[0xeb, 0xe1], // jmp again
];

/** Nanoseconds that `work` took, for each page that is written. */
function time(work: () => void): number {
  const startMs = performance.now();
  work();
  return (performance.now() - startMs) * 1e6 / written;
}

using machine = Machine.create(memoryBytes, 0, 0);
const memory = new Uint8Array(memoryBytes);
mapMemory(memory);
memory.set(CODE, CODE_ADDRESS);
machine.memory.write(0, memory);
const sregs = machine.vcpu.get("sregs");
enterLongMode(sregs, 3);
machine.vcpu.set("sregs", sregs);
machine.vcpu.set("regs", registers(CODE_ADDRESS));

/** Has the guest write to all pages once. */
function pass(): void {
  if (!machine.vcpu.run() || machine.vcpu.exit().kind !== "io") throw new Error("no pass");
}

const bitmap = new Uint8Array(machine.memory.pages / 8);
const figure = (name: string) => ({ name, unit: "ns a page", aim: "none" });
const comparisons = await compareAll(
  {
    first: figure("the first write after a drain, and a write while nobody listens"),
    again: figure("the second write after a drain, and the same"),
    drain: figure("a drain with all pages dirty, and one with none"),
    listen: figure("beginning to listen, and ending it"),
  },
  Number(values.pairs),
  () => {
    let listener = machine.dirty.listen("bench", "nothing");
    pass();
    listener.take(bitmap);
    const first = time(pass);
    const again = time(pass);
    const drain = time(() => listener.take(bitmap));
    listener[Symbol.dispose]();
    pass();
    const listen = time(() => listener = machine.dirty.listen("bench", "nothing"));
    listener[Symbol.dispose]();
    return Promise.resolve({ first, again, drain, listen });
  },
  () => {
    pass();
    const plain = time(pass);
    const listener = machine.dirty.listen("bench", "nothing");
    listener.take(bitmap);
    const drain = time(() => listener.take(bitmap));
    pass();
    const listen = time(() => listener[Symbol.dispose]());
    return Promise.resolve({ first: plain, again: plain, drain, listen });
  },
);
report(comparisons, values.json);
