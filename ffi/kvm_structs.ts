/**
 * The structs of <linux/kvm.h> and <asm/kvm.h> for x86-64 that this project hands to KVM or gets from
 * it, named as in C. Flexible arrays at the end of a struct are left out: their elements have a layout
 * of their own and begin at the struct's size.
 *
 * Used by the classes of this room, and by machine/ to read and digest the vCPU's state. layout_test.ts
 * compares every field with the compiled headers.
 */
import { array, struct, union } from "../base/layout.ts";

/** General registers, RIP and RFLAGS. */
export const kvmRegs = struct("kvm_regs", {
  rax: "u64",
  rbx: "u64",
  rcx: "u64",
  rdx: "u64",
  rsi: "u64",
  rdi: "u64",
  rsp: "u64",
  rbp: "u64",
  r8: "u64",
  r9: "u64",
  r10: "u64",
  r11: "u64",
  r12: "u64",
  r13: "u64",
  r14: "u64",
  r15: "u64",
  rip: "u64",
  rflags: "u64",
}, 144);

/** A segment register with its hidden part. */
export const kvmSegment = struct("kvm_segment", {
  base: "u64",
  limit: "u32",
  selector: "u16",
  type: "u8",
  present: "u8",
  dpl: "u8",
  db: "u8",
  s: "u8",
  l: "u8",
  g: "u8",
  avl: "u8",
  unusable: "u8",
  padding: "u8",
}, 24);

/** GDTR or IDTR. */
export const kvmDtable = struct("kvm_dtable", {
  base: "u64",
  limit: "u16",
  padding: array("u16", 3),
}, 16);

/** Segment and control registers. `interrupt_bitmap` has the bit of an interrupt that is injected. */
export const kvmSregs = struct("kvm_sregs", {
  cs: kvmSegment,
  ds: kvmSegment,
  es: kvmSegment,
  fs: kvmSegment,
  gs: kvmSegment,
  ss: kvmSegment,
  tr: kvmSegment,
  ldt: kvmSegment,
  gdt: kvmDtable,
  idt: kvmDtable,
  cr0: "u64",
  cr2: "u64",
  cr3: "u64",
  cr4: "u64",
  cr8: "u64",
  efer: "u64",
  apic_base: "u64",
  interrupt_bitmap: array("u64", 4),
}, 312);

/** What is injected into, or pending in, the vCPU; and its interrupt shadow. */
export const kvmVcpuEvents = struct("kvm_vcpu_events", {
  exception: struct("exception", {
    injected: "u8",
    nr: "u8",
    has_error_code: "u8",
    pending: "u8",
    error_code: "u32",
  }, 8),
  interrupt: struct("interrupt", { injected: "u8", nr: "u8", soft: "u8", shadow: "u8" }, 4),
  nmi: struct("nmi", { injected: "u8", pending: "u8", masked: "u8", pad: "u8" }, 4),
  sipi_vector: "u32",
  flags: "u32",
  smi: struct("smi", { smm: "u8", pending: "u8", smm_inside_nmi: "u8", latched_init: "u8" }, 4),
  triple_fault: struct("triple_fault", { pending: "u8" }, 1),
  reserved: array("u8", 26),
  exception_has_payload: "u8",
  exception_payload: "u64",
}, 64);

/** The registers that kvm_run can carry. */
export const kvmSyncRegs = struct("kvm_sync_regs", {
  regs: kvmRegs,
  sregs: kvmSregs,
  events: kvmVcpuEvents,
}, 520);

/** What an exit carries: the anonymous union of kvm_run, as far as x86 without in-kernel devices. */
const exitUnion = union("kvm_run.u", {
  hw: struct("hw", { hardware_exit_reason: "u64" }, 8),
  fail_entry: struct("fail_entry", { hardware_entry_failure_reason: "u64", cpu: "u32" }, 16),
  io: struct("io", {
    direction: "u8",
    size: "u8",
    port: "u16",
    count: "u32",
    data_offset: "u64",
  }, 16),
  debug: struct("debug", {
    arch: struct("kvm_debug_exit_arch", {
      exception: "u32",
      pad: "u32",
      pc: "u64",
      dr6: "u64",
      dr7: "u64",
    }, 32),
  }, 32),
  mmio: struct("mmio", {
    phys_addr: "u64",
    data: array("u8", 8),
    len: "u32",
    is_write: "u8",
  }, 24),
  internal: struct("internal", { suberror: "u32", ndata: "u32", data: array("u64", 16) }, 136),
  system_event: struct("system_event", { type: "u32", ndata: "u32", data: array("u64", 16) }, 136),
  msr: struct("msr", {
    error: "u8",
    pad: array("u8", 7),
    reason: "u32",
    index: "u32",
    data: "u64",
  }, 24),
  padding: array("u8", 256),
}, 256);

/** The page that KVM shares with us for each vCPU. `u` stands for C's anonymous union. */
export const kvmRun = struct("kvm_run", {
  request_interrupt_window: "u8",
  immediate_exit: "u8",
  padding1: array("u8", 6),
  exit_reason: "u32",
  ready_for_interrupt_injection: "u8",
  if_flag: "u8",
  flags: "u16",
  cr8: "u64",
  apic_base: "u64",
  u: exitUnion,
  kvm_valid_regs: "u64",
  kvm_dirty_regs: "u64",
  s: union("kvm_run.s", { regs: kvmSyncRegs, padding: array("u8", 2048) }, 2048),
}, 2352);

/** A piece of guest-physical memory, and the host memory behind it. */
export const kvmUserspaceMemoryRegion = struct("kvm_userspace_memory_region", {
  slot: "u32",
  flags: "u32",
  guest_phys_addr: "u64",
  memory_size: "u64",
  userspace_addr: "u64",
}, 32);

/** Head of a list of {@link kvmCpuidEntry2}. */
export const kvmCpuid2 = struct("kvm_cpuid2", { nent: "u32", padding: "u32" }, 8);

/** What CPUID answers to one EAX, ECX. */
export const kvmCpuidEntry2 = struct("kvm_cpuid_entry2", {
  function: "u32",
  index: "u32",
  flags: "u32",
  eax: "u32",
  ebx: "u32",
  ecx: "u32",
  edx: "u32",
  padding: array("u32", 3),
}, 40);

/** Head of a list of {@link kvmMsrEntry}. */
export const kvmMsrs = struct("kvm_msrs", { nmsrs: "u32", pad: "u32" }, 8);

/** One MSR. */
export const kvmMsrEntry = struct("kvm_msr_entry", {
  index: "u32",
  reserved: "u32",
  data: "u64",
}, 16);

/** Head of a list of MSR indices, each a u32. */
export const kvmMsrList = struct("kvm_msr_list", { nmsrs: "u32" }, 4);

/** A range of MSRs; `bitmap` is the address of one bit an MSR, 1 allows. */
export const kvmMsrFilterRange = struct("kvm_msr_filter_range", {
  flags: "u32",
  nmsrs: "u32",
  base: "u32",
  bitmap: "u64",
}, 24);

/** Which MSRs the guest may access without an exit. */
export const kvmMsrFilter = struct("kvm_msr_filter", {
  flags: "u32",
  ranges: array(kvmMsrFilterRange, 16),
}, 392);

/** A capability to be switched on. */
export const kvmEnableCap = struct("kvm_enable_cap", {
  cap: "u32",
  flags: "u32",
  args: array("u64", 4),
  pad: array("u8", 64),
}, 104);

/** Asks for a slot's dirty pages; `dirty_bitmap` is an address. */
export const kvmDirtyLog = struct("kvm_dirty_log", {
  slot: "u32",
  padding1: "u32",
  dirty_bitmap: "u64",
}, 16);

/** The XSAVE area in its standard format (SDM volume 1, 13.4). */
export const kvmXsave = struct("kvm_xsave", { region: array("u32", 1024) }, 4096);

/** XCR0 and those to come. */
export const kvmXcrs = struct("kvm_xcrs", {
  nr_xcrs: "u32",
  flags: "u32",
  xcrs: array(struct("kvm_xcr", { xcr: "u32", reserved: "u32", value: "u64" }, 16), 16),
  padding: array("u64", 16),
}, 392);

/** DR0 to DR3, DR6, DR7. */
export const kvmDebugregs = struct("kvm_debugregs", {
  db: array("u64", 4),
  dr6: "u64",
  dr7: "u64",
  flags: "u64",
  reserved: array("u64", 9),
}, 128);

/** Whether the vCPU runs or is halted. */
export const kvmMpState = struct("kvm_mp_state", { mp_state: "u32" }, 4);

/** An interrupt to be injected: its vector. */
export const kvmInterrupt = struct("kvm_interrupt", { irq: "u32" }, 4);

/** Head of a signal set of `len` bytes. */
export const kvmSignalMask = struct("kvm_signal_mask", { len: "u32" }, 4);

/** What KVM_EXIT_DEBUG is to be raised for; `arch.debugreg` is DR0 to DR7. */
export const kvmGuestDebug = struct("kvm_guest_debug", {
  control: "u32",
  pad: "u32",
  arch: struct("kvm_guest_debug_arch", { debugreg: array("u64", 8) }, 64),
}, 72);

/** Where a linear address leads to. */
export const kvmTranslation = struct("kvm_translation", {
  linear_address: "u64",
  physical_address: "u64",
  valid: "u8",
  writeable: "u8",
  usermode: "u8",
  pad: array("u8", 5),
}, 24);

/** All of them that a C program can name, for the test that compares with the headers. */
export const kvmLayouts = [
  kvmRegs,
  kvmSegment,
  kvmDtable,
  kvmSregs,
  kvmVcpuEvents,
  kvmSyncRegs,
  kvmRun,
  kvmUserspaceMemoryRegion,
  kvmCpuid2,
  kvmCpuidEntry2,
  kvmMsrs,
  kvmMsrEntry,
  kvmMsrList,
  kvmMsrFilterRange,
  kvmMsrFilter,
  kvmEnableCap,
  kvmDirtyLog,
  kvmXsave,
  kvmXcrs,
  kvmDebugregs,
  kvmMpState,
  kvmInterrupt,
  kvmSignalMask,
  kvmGuestDebug,
  kvmTranslation,
] as const;
