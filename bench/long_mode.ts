/**
 * How the guests of the benchmarks start: in 64-bit mode, with all memory mapped for ring 3 too.
 */
import { kvmRegs, kvmSregs } from "../ffi/kvm_structs.ts";

const TABLE_ADDRESSES = [0x1000, 0x2000, 0x3000] as const;
const LARGE_PAGE_BYTES = 2 << 20;

/** Writes page tables that map all of `memory`, at most 1 GiB, where it is. SDM volume 3, 4.5. */
export function mapMemory(memory: Uint8Array): void {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const [level4, level3, level2] = TABLE_ADDRESSES;
  // Present, writable, user; accessed and dirty beforehand; 2 MiB pages at the end.
  view.setBigUint64(level4, BigInt(level3 | 0x27), true);
  view.setBigUint64(level3, BigInt(level2 | 0x27), true);
  for (let index = 0; index * LARGE_PAGE_BYTES < memory.length; index++) {
    view.setBigUint64(level2 + 8 * index, BigInt(index * LARGE_PAGE_BYTES) | 0xe7n, true);
  }
}

/** 64-bit mode in a ring, interrupts off, ports allowed. */
export function enterLongMode(sregs: Uint8Array<ArrayBuffer>, ring: 0 | 3): void {
  const view = kvmSregs.view(sregs);
  for (const name of ["cs", "ds", "es", "fs", "gs", "ss"] as const) {
    const isCode = name === "cs";
    kvmSregs.set(view, `${name}.base`, 0n);
    kvmSregs.set(view, `${name}.limit`, 0xffff_ffff);
    kvmSregs.set(view, `${name}.selector`, (isCode ? 0x8 : 0x10) | ring);
    kvmSregs.set(view, `${name}.type`, isCode ? 11 : 3);
    kvmSregs.set(view, `${name}.present`, 1);
    kvmSregs.set(view, `${name}.dpl`, ring);
    kvmSregs.set(view, `${name}.db`, isCode ? 0 : 1);
    kvmSregs.set(view, `${name}.s`, 1);
    kvmSregs.set(view, `${name}.l`, isCode ? 1 : 0);
    kvmSregs.set(view, `${name}.g`, 1);
  }
  kvmSregs.set(view, "cr0", 0x8005_0033n);
  kvmSregs.set(view, "cr3", BigInt(TABLE_ADDRESSES[0]));
  kvmSregs.set(view, "cr4", 0x620n);
  kvmSregs.set(view, "efer", 0x500n);
}

/** General registers of a guest whose code begins at `address`. */
export function registers(address: number): Uint8Array<ArrayBuffer> {
  const regs = new Uint8Array(kvmRegs.size);
  const view = kvmRegs.view(regs);
  kvmRegs.set(view, "rip", BigInt(address));
  kvmRegs.set(view, "rsp", 0x80000n);
  kvmRegs.set(view, "rflags", 0x3002n);
  return regs;
}
