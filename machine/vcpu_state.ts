/**
 * The vCPU's part of a machine's state: its start under PVH, capture, apply, and the canonical fields
 * that are digested.
 *
 * A captured state is KVM's own structs, one after the other:
 *
 * ```
 * sregs 312 │ MSR values 8 × STATE_MSRS │ xcrs 392 │ xsave 4096 │ regs 144 │ debugregs 128
 * │ mp_state 4 │ cr8 4 │ apic_base 8 │ events 64
 * ```
 *
 * That is also the order in which it is applied, vCPU events last: setting registers clears pending
 * events. Nothing here may be called while an instruction is pending (machine.ts completes it first).
 *
 * The digest is of *architectural* fields: KVM's structs differ in what no program can see (a cleared
 * XSTATE_BV bit means "initial values", whatever bytes lie there; an unusable segment keeps leftovers).
 */
import type { Bytes } from "../base/layout.ts";
import { PeerError } from "../base/errors.ts";
import { kvmDebugregs, kvmRegs, kvmSregs, kvmVcpuEvents } from "../ffi/kvm_structs.ts";
import { type Vcpu, type VcpuPart, vcpuParts } from "../ffi/vcpu.ts";
import type { StateField } from "./fields.ts";
import { START_INFO_ADDRESS } from "./memory_map.ts";
import { STATE_MSRS } from "./msrs.ts";

const CR0_PROTECTED = 1n;
const RFLAGS_ALWAYS_ONE = 2n;
const RFLAGS_RESUME = 1n << 16n;
/** Exceptions that are traps or aborts, or may be: #DB, NMI, #BP, #OF, #DF, #MC. */
const NO_FAULTS = [1, 2, 3, 4, 8, 18];
/** Segment types of the SDM's table 3-1: execute/read and read/write, both accessed. */
const CODE_TYPE = 11;
const DATA_TYPE = 3;
const BUSY_TSS_TYPE = 11;

/** Puts a fresh vCPU where PVH wants it: 32-bit protected mode, no paging, flat segments. */
export function startPvh(vcpu: Vcpu, entry: number): void {
  const sregs = vcpu.get("sregs");
  const view = kvmSregs.view(sregs);
  for (const name of ["cs", "ds", "es", "fs", "gs", "ss", "tr"] as const) {
    const isTss = name === "tr";
    kvmSregs.set(view, `${name}.base`, 0n);
    kvmSregs.set(view, `${name}.limit`, isTss ? 0x67 : 0xffff_ffff);
    kvmSregs.set(view, `${name}.selector`, isTss ? 0x18 : name === "cs" ? 0x8 : 0x10);
    kvmSregs.set(
      view,
      `${name}.type`,
      isTss ? BUSY_TSS_TYPE : name === "cs" ? CODE_TYPE : DATA_TYPE,
    );
    kvmSregs.set(view, `${name}.present`, 1);
    kvmSregs.set(view, `${name}.dpl`, 0);
    kvmSregs.set(view, `${name}.db`, isTss ? 0 : 1);
    kvmSregs.set(view, `${name}.s`, isTss ? 0 : 1);
    kvmSregs.set(view, `${name}.l`, 0);
    kvmSregs.set(view, `${name}.g`, isTss ? 0 : 1);
    kvmSregs.set(view, `${name}.unusable`, 0);
  }
  kvmSregs.set(view, "cr0", CR0_PROTECTED);
  kvmSregs.set(view, "cr4", 0n);
  kvmSregs.set(view, "efer", 0n);
  vcpu.set("sregs", sregs);

  const regs = new Uint8Array(kvmRegs.size);
  const regsView = kvmRegs.view(regs);
  kvmRegs.set(regsView, "rip", BigInt(entry));
  kvmRegs.set(regsView, "rbx", BigInt(START_INFO_ADDRESS));
  kvmRegs.set(regsView, "rflags", RFLAGS_ALWAYS_ONE);
  vcpu.set("regs", regs);
}

const MSRS_BYTES = 8 * STATE_MSRS.length;
const RUN_BYTES = 4 + 8;
const order: readonly (VcpuPart | "msrs" | "run")[] = [
  "sregs",
  "msrs",
  "xcrs",
  "xsave",
  "regs",
  "debugregs",
  "mpState",
  "run",
  "events",
];

function partBytes(part: (typeof order)[number]): number {
  return part === "msrs" ? MSRS_BYTES : part === "run" ? RUN_BYTES : vcpuParts[part].layout.size;
}

/** The length of a captured vCPU state, in bytes. */
export const VCPU_STATE_BYTES = order.reduce((sum, part) => sum + partBytes(part), 0);

/** Captures the whole vCPU. No instruction may be pending, nor a hidden trap (hidden_trap.ts). */
export function captureVcpu(vcpu: Vcpu): Bytes {
  const state = new Uint8Array(VCPU_STATE_BYTES);
  const view = new DataView(state.buffer);
  let at = 0;
  for (const part of order) {
    if (part === "msrs") {
      const values = vcpu.getMsrs(STATE_MSRS.map(({ index }) => index));
      values.forEach(({ value }, index) => view.setBigUint64(at + 8 * index, value, true));
    } else if (part === "run") {
      view.setUint32(at, vcpu.cr8, true);
      view.setBigUint64(at + 4, vcpu.apicBase, true);
    } else {
      state.set(part === "regs" ? getRegs(vcpu) : vcpu.get(part), at);
    }
    at += partBytes(part);
  }
  return state;
}

/** The general registers as they will be in the frame of the fault that is being delivered, if one is. */
function getRegs(vcpu: Vcpu): Bytes {
  const bytes = vcpu.get("regs");
  if (!isAmidFault(vcpu)) return bytes;
  const regs = kvmRegs.view(bytes);
  kvmRegs.set(regs, "rflags", kvmRegs.get(regs, "rflags") | RFLAGS_RESUME);
  return bytes;
}

/**
 * Whether a fault is being delivered. Its frame shows the resume flag (SDM volume 3, 17.3.1.1), which KVM sets when
 * it begins to deliver: one that is only taken over has to bring it along, and KVM_GET_REGS does not always show it.
 */
function isAmidFault(vcpu: Vcpu): boolean {
  const events = kvmVcpuEvents.view(vcpu.get("events"));
  return kvmVcpuEvents.get(events, "exception.injected") !== 0 &&
    !NO_FAULTS.includes(kvmVcpuEvents.get(events, "exception.nr"));
}

/**
 * Makes the vCPU's state what was captured. No instruction may be pending: it would complete over it.
 * @throws PeerError if the length is wrong, OsError if KVM refuses a part
 */
export function applyVcpu(vcpu: Vcpu, state: Bytes): void {
  if (state.length !== VCPU_STATE_BYTES) {
    throw new PeerError(`a vCPU state of ${state.length} bytes, expected ${VCPU_STATE_BYTES}`);
  }
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  let at = 0;
  for (const part of order) {
    if (part === "msrs") {
      vcpu.setMsrs(STATE_MSRS.map(({ index }, position) => ({
        index,
        value: view.getBigUint64(at + 8 * position, true),
      })));
    } else if (part === "run") {
      vcpu.cr8 = view.getUint32(at, true);
      vcpu.apicBase = view.getBigUint64(at + 4, true);
    } else {
      vcpu.set(part, state.slice(at, at + partBytes(part)));
    }
    at += partBytes(part);
  }
}

/** The architectural fields of the vCPU, canonical, in a fixed order. No instruction may be pending. */
export function vcpuFields(vcpu: Vcpu): StateField[] {
  const fields: StateField[] = [];
  const regs = kvmRegs.view(getRegs(vcpu));
  for (const { path } of kvmRegs.leaves()) {
    fields.push({ name: `regs.${path}`, value: kvmRegs.get(regs, path as "rax") });
  }
  pushSregs(fields, kvmSregs.view(vcpu.get("sregs")));
  const msrs = vcpu.getMsrs(STATE_MSRS.map(({ index }) => index));
  STATE_MSRS.forEach(({ name }, index) => {
    fields.push({ name: `msr.${name}`, value: msrs[index]!.value });
  });
  pushFpu(fields, vcpu.get("xsave"));
  const debug = kvmDebugregs.view(vcpu.get("debugregs"));
  for (const path of ["db.0", "db.1", "db.2", "db.3", "dr6", "dr7"] as const) {
    fields.push({ name: `debug.${path}`, value: kvmDebugregs.get(debug, path) });
  }
  pushEvents(fields, kvmVcpuEvents.view(vcpu.get("events")));
  return fields;
}

/** What is pending for the guest. A vector that is not pending is what is left of an earlier one. */
function pushEvents(fields: StateField[], view: DataView): void {
  const get = (path: (typeof EVENT_FIELDS)[number]) => kvmVcpuEvents.get(view, path);
  const hasException = get("exception.injected") !== 0;
  const hasInterrupt = get("interrupt.injected") !== 0;
  for (const path of EVENT_FIELDS) {
    const isLeftOver = (!hasException && path.startsWith("exception.")) ||
      (!hasInterrupt && path === "interrupt.nr");
    fields.push({ name: `events.${path}`, value: isLeftOver ? 0n : BigInt(get(path)) });
  }
}

/** KVM says of an exception that is pending that it is injected, too, and makes it so where this is applied. */
const EVENT_FIELDS = [
  "exception.injected",
  "exception.nr",
  "exception.error_code",
  "interrupt.injected",
  "interrupt.nr",
  "interrupt.shadow",
  "nmi.injected",
  "nmi.pending",
  "nmi.masked",
] as const;

const SEGMENTS = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"] as const;
const CONTROL_REGISTERS = ["cr0", "cr2", "cr3", "cr4", "cr8", "efer"] as const;

function pushSregs(fields: StateField[], view: DataView): void {
  for (const segment of SEGMENTS) {
    // A null or unusable segment is all zero to a program, except for the bases of FS and GS.
    const usable = kvmSregs.get(view, `${segment}.present`) === 1 &&
      kvmSregs.get(view, `${segment}.unusable`) === 0;
    const hasBase = usable || segment === "fs" || segment === "gs";
    const base = hasBase ? kvmSregs.get(view, `${segment}.base`) : 0n;
    fields.push({ name: `sregs.${segment}.base`, value: base });
    for (const name of ["limit", "selector", "type", "dpl", "db", "s", "l", "g", "avl"] as const) {
      const keep = usable || name === "selector";
      const value = keep ? kvmSregs.get(view, `${segment}.${name}`) : 0;
      fields.push({ name: `sregs.${segment}.${name}`, value: BigInt(value) });
    }
  }
  for (const table of ["gdt", "idt"] as const) {
    fields.push({ name: `sregs.${table}.base`, value: kvmSregs.get(view, `${table}.base`) });
    const limit = BigInt(kvmSregs.get(view, `${table}.limit`));
    fields.push({ name: `sregs.${table}.limit`, value: limit });
  }
  for (const name of CONTROL_REGISTERS) {
    fields.push({ name: `sregs.${name}`, value: kvmSregs.get(view, name) });
  }
}

/** Offsets in the XSAVE area (SDM volume 1, 13.4.1 and 13.4.2). */
const XSAVE = { fcw: 0, fsw: 2, ftw: 4, mxcsr: 24, st: 32, xmm: 160, xstateBv: 512 } as const;
const XSTATE_X87 = 1n;
const XSTATE_SSE = 2n;
const FCW_INITIAL = 0x37fn;

/** Without FIP, FDP and FOP: hosts differ in when they keep them. */
function pushFpu(fields: StateField[], xsave: Bytes): void {
  const view = new DataView(xsave.buffer, xsave.byteOffset, xsave.byteLength);
  const present = view.getBigUint64(XSAVE.xstateBv, true);
  const hasX87 = (present & XSTATE_X87) !== 0n;
  const hasSse = (present & XSTATE_SSE) !== 0n;
  const push = (name: string, value: bigint) => fields.push({ name: `fpu.${name}`, value });
  push("fcw", hasX87 ? BigInt(view.getUint16(XSAVE.fcw, true)) : FCW_INITIAL);
  push("fsw", hasX87 ? BigInt(view.getUint16(XSAVE.fsw, true)) : 0n);
  push("ftw", hasX87 ? BigInt(view.getUint8(XSAVE.ftw)) : 0n);
  push("mxcsr", BigInt(view.getUint32(XSAVE.mxcsr, true)));
  for (let index = 0; index < 8; index++) {
    const at = XSAVE.st + 16 * index;
    push(`st${index}.mantissa`, hasX87 ? view.getBigUint64(at, true) : 0n);
    push(`st${index}.exponent`, hasX87 ? BigInt(view.getUint16(at + 8, true)) : 0n);
  }
  for (let index = 0; index < 16; index++) {
    const at = XSAVE.xmm + 16 * index;
    push(`xmm${index}.low`, hasSse ? view.getBigUint64(at, true) : 0n);
    push(`xmm${index}.high`, hasSse ? view.getBigUint64(at + 8, true) : 0n);
  }
}
