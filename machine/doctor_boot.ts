/**
 * How the guest of a probe starts: in real mode or in long mode, in ring 0 or ring 3, with a handler for
 * each vector that says which one was taken.
 *
 * ```
 * 0x1000 the code      0x5000 GDT, TSS      0x9000 a page for the guest to write
 * 0x2000 page tables   0x6000 IDT           0xb000 ring 0's stack ends
 *  (one 2 MiB page)    0x7000 handlers      0xc000 ring 3's stack ends
 * ```
 *
 * Called by doctor_guest.ts. Source of the tables' formats: Intel SDM volume 3, chapters 3, 4, 6 and 7.
 */
import type { Bytes } from "../base/layout.ts";
import { kvmRegs, kvmSregs } from "../ffi/kvm_structs.ts";
import type { Vcpu } from "../ffi/vcpu.ts";

/** How a probe's guest starts. */
export interface Plan {
  /** Where the code starts: in real mode, or in this ring of long mode. */
  readonly mode: "real" | "ring0" | "ring3";
  /** Machine code, for {@link CODE}. */
  readonly code: Bytes;
  /** Machine code for vectors, instead of the handler that says on {@link Port.trap} which one it was. */
  readonly handlers?: Readonly<Record<number, Bytes>>;
  /** Bits of CR4 on top of those that long mode needs. */
  readonly cr4?: bigint;
  /** Bits of EFER on top of those that long mode needs. */
  readonly efer?: bigint;
  /** Whether the TSS's permission map lets ring 3 use ports, as IOPL 3 does; default true. */
  readonly portMap?: boolean;
}

/** The ports that the code writes and reads. */
export const Port = {
  /** OUT: the guest got here. */
  mark: 0x10,
  /** IN: the guest asks for a number. */
  ask: 0x12,
  /** OUT: a handler ran; the value is its vector. */
  trap: 0xe0,
} as const;

/** Where the code is, guest-physical and linear. */
export const CODE = 0x1000;
/** A page that nothing but the code writes. */
export const SCRATCH = 0x9000;
/** How much memory there is; its dirty pages are logged. */
export const PROBE_MEMORY_BYTES = 0x10000;
/** The vector of the interrupts that probes inject; its handler returns. */
export const INTERRUPT_VECTOR = 0x30;

const PAGE_TABLES = 0x2000;
const GDT = 0x5000;
const TSS = 0x5100;
/** The TSS proper, and its I/O permission map: a bit for each port below 256, and the closing byte. */
const TSS_BYTES = 104;
const PORT_MAP_BYTES = 32 + 1;
const TSS_LIMIT = TSS_BYTES + PORT_MAP_BYTES - 1;
const IDT = 0x6000;
const HANDLERS = 0x7000;
const HANDLER_BYTES = 32;
const VECTORS = 64;
const RING0_STACK = 0xb000n;
const RING3_STACK = 0xc000n;

/** Selectors; ring 3's carry their RPL. SYSCALL wants the two of ring 0 side by side. */
const Selector = { code0: 0x08, data0: 0x10, data3: 0x1b, code3: 0x23, tss: 0x28 } as const;

/** Machine code as hexadecimal bytes, one string an instruction. */
export function machineCode(...instructions: string[]): Bytes {
  const digits = instructions.join(" ").split(" ");
  return Uint8Array.from(digits, (pair) => parseInt(pair, 16));
}

/** Puts the code into memory, and the vCPU at its start. */
export function startGuest(vcpu: Vcpu, memory: Uint8Array, plan: Plan): void {
  memory.set(plan.code, CODE);
  if (plan.mode !== "real") fillTables(memory, plan);
  startVcpu(vcpu, plan);
}

function startVcpu(
  vcpu: Vcpu,
  { mode, cr4 = 0n, efer = 0n }: Plan,
): void {
  const sregs = vcpu.get("sregs");
  const view = kvmSregs.view(sregs);
  if (mode === "real") {
    kvmSregs.set(view, "cs.base", 0n);
    kvmSregs.set(view, "cs.selector", 0);
  } else {
    enterLongMode(view, mode === "ring3");
    kvmSregs.set(view, "cr4", kvmSregs.get(view, "cr4") | cr4);
    kvmSregs.set(view, "efer", kvmSregs.get(view, "efer") | efer);
  }
  vcpu.set("sregs", sregs);
  const regs = new Uint8Array(kvmRegs.size);
  const regsView = kvmRegs.view(regs);
  kvmRegs.set(regsView, "rip", BigInt(CODE));
  kvmRegs.set(regsView, "rsp", mode === "ring3" ? RING3_STACK : RING0_STACK);
  // Bit 1 is always set; then IF (a ring 3 without it could not get it back), then IOPL 3.
  const rflags = mode === "ring3" ? 0x3202n : 0x2n;
  kvmRegs.set(regsView, "rflags", rflags);
  vcpu.set("regs", regs);
}

/** 64-bit mode with flat segments, as the tables in memory have them (SDM volume 3, 9.8.5). */
function enterLongMode(view: DataView, isRing3: boolean): void {
  for (const name of ["cs", "ds", "es", "fs", "gs", "ss", "tr"] as const) {
    const [isCode, isTss] = [name === "cs", name === "tr"];
    const selector = isTss
      ? Selector.tss
      : isCode
      ? (isRing3 ? Selector.code3 : Selector.code0)
      : (isRing3 ? Selector.data3 : Selector.data0);
    kvmSregs.set(view, `${name}.base`, isTss ? BigInt(TSS) : 0n);
    kvmSregs.set(view, `${name}.limit`, isTss ? TSS_LIMIT : 0xffff_ffff);
    kvmSregs.set(view, `${name}.selector`, selector);
    kvmSregs.set(view, `${name}.type`, isCode || isTss ? 11 : 3);
    kvmSregs.set(view, `${name}.present`, 1);
    kvmSregs.set(view, `${name}.dpl`, isRing3 && !isTss ? 3 : 0);
    kvmSregs.set(view, `${name}.db`, isCode || isTss ? 0 : 1);
    kvmSregs.set(view, `${name}.s`, isTss ? 0 : 1);
    kvmSregs.set(view, `${name}.l`, isCode ? 1 : 0);
    kvmSregs.set(view, `${name}.g`, isTss ? 0 : 1);
    kvmSregs.set(view, `${name}.unusable`, 0);
  }
  kvmSregs.set(view, "gdt.base", BigInt(GDT));
  kvmSregs.set(view, "gdt.limit", Selector.tss + 16 - 1);
  kvmSregs.set(view, "idt.base", BigInt(IDT));
  kvmSregs.set(view, "idt.limit", VECTORS * 16 - 1);
  kvmSregs.set(view, "cr0", 0x8005_0033n); // PG, AM, WP, NE, ET, MP, PE
  kvmSregs.set(view, "cr3", BigInt(PAGE_TABLES));
  kvmSregs.set(view, "cr4", 0x620n); // PAE, OSFXSR, OSXMMEXCPT
  kvmSregs.set(view, "efer", 0x500n); // LMA, LME
}

function fillTables(memory: Uint8Array, { handlers = {}, portMap = true }: Plan): void {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const quad = (at: number, value: bigint) => view.setBigUint64(at, value, true);
  // Present, writable, user; accessed and dirty beforehand, so that no walk writes to the tables.
  quad(PAGE_TABLES, BigInt(PAGE_TABLES + 0x1000) | 0x27n);
  quad(PAGE_TABLES + 0x1000, BigInt(PAGE_TABLES + 0x2000) | 0x27n);
  quad(PAGE_TABLES + 0x2000, 0xe7n);

  quad(GDT + Selector.code0, 0x00af_9b00_0000_ffffn);
  quad(GDT + Selector.data0, 0x00cf_9300_0000_ffffn);
  quad(GDT + (Selector.data3 & ~3), 0x00cf_f300_0000_ffffn);
  quad(GDT + (Selector.code3 & ~3), 0x00af_fb00_0000_ffffn);
  // Available: the vCPU has it loaded already, but the code may load it again.
  quad(GDT + Selector.tss, 0x8900_0000_0000n | BigInt(TSS) << 16n | BigInt(TSS_LIMIT));
  quad(TSS + 4, RING0_STACK);
  view.setUint16(TSS + 102, TSS_BYTES, true);
  memory.fill(portMap ? 0 : 0xff, TSS + TSS_BYTES, TSS + TSS_LIMIT);
  memory[TSS + TSS_LIMIT] = 0xff;

  for (let vector = 0; vector < VECTORS; vector++) {
    const at = HANDLERS + vector * HANDLER_BYTES;
    memory.set(handlers[vector] ?? defaultHandler(vector), at);
    view.setUint16(IDT + vector * 16, at, true);
    view.setUint16(IDT + vector * 16 + 2, Selector.code0, true);
    view.setUint16(IDT + vector * 16 + 4, 0xee00, true); // present, DPL 3, interrupt gate
  }
}

/** Says which vector it is. Interrupts go on; after an exception there is nothing to go on with. */
function defaultHandler(vector: number): Bytes {
  const say = [0xb0, vector, 0xe6, Port.trap]; // mov al, vector; out trap, al
  const iretq = [0x48, 0xcf];
  const hlt = [0xf4];
  return Uint8Array.from([...say, ...(vector >= 32 ? iretq : hlt)]);
}
