/**
 * The numbers of <linux/kvm.h> and <asm/kvm.h>: ioctls, capabilities, exit reasons, flags, each under
 * its C name. Ioctl numbers are computed from direction, number and the size of the struct, as the
 * kernel's _IO, _IOR, _IOW and _IOWR do.
 *
 * Used by the classes of this room; machine/ uses capabilities and flags. layout_test.ts compares all
 * with the compiled headers.
 */
import type { AnyLayout } from "../base/layout.ts";
import * as s from "./kvm_structs.ts";

/** `KVMIO`, the type byte of all of KVM's ioctls. */
const kvmIo = 0xae;

function request(direction: number, nr: number, sizeBytes: number): bigint {
  return BigInt(((direction << 30) | (sizeBytes << 16) | (kvmIo << 8) | nr) >>> 0);
}
const io = (nr: number): bigint => request(0, nr, 0);
const iow = (nr: number, { size }: AnyLayout): bigint => request(1, nr, size);
const ior = (nr: number, { size }: AnyLayout): bigint => request(2, nr, size);
const iowr = (nr: number, { size }: AnyLayout): bigint => request(3, nr, size);

/** The ioctls: of /dev/kvm, of a VM, of a vCPU. */
export const kvmIoctls = {
  KVM_GET_API_VERSION: io(0x00),
  KVM_CREATE_VM: io(0x01),
  KVM_GET_MSR_INDEX_LIST: iowr(0x02, s.kvmMsrList),
  KVM_CHECK_EXTENSION: io(0x03),
  KVM_GET_VCPU_MMAP_SIZE: io(0x04),
  KVM_GET_SUPPORTED_CPUID: iowr(0x05, s.kvmCpuid2),

  KVM_CREATE_VCPU: io(0x41),
  KVM_GET_DIRTY_LOG: iow(0x42, s.kvmDirtyLog),
  KVM_SET_USER_MEMORY_REGION: iow(0x46, s.kvmUserspaceMemoryRegion),
  KVM_SET_TSS_ADDR: io(0x47),
  KVM_ENABLE_CAP: iow(0xa3, s.kvmEnableCap),
  KVM_X86_SET_MSR_FILTER: iow(0xc6, s.kvmMsrFilter),

  KVM_RUN: io(0x80),
  KVM_GET_REGS: ior(0x81, s.kvmRegs),
  KVM_SET_REGS: iow(0x82, s.kvmRegs),
  KVM_GET_SREGS: ior(0x83, s.kvmSregs),
  KVM_SET_SREGS: iow(0x84, s.kvmSregs),
  KVM_TRANSLATE: iowr(0x85, s.kvmTranslation),
  KVM_INTERRUPT: iow(0x86, s.kvmInterrupt),
  KVM_GET_MSRS: iowr(0x88, s.kvmMsrs),
  KVM_SET_MSRS: iow(0x89, s.kvmMsrs),
  KVM_SET_SIGNAL_MASK: iow(0x8b, s.kvmSignalMask),
  KVM_SET_CPUID2: iow(0x90, s.kvmCpuid2),
  KVM_GET_CPUID2: iowr(0x91, s.kvmCpuid2),
  KVM_GET_MP_STATE: ior(0x98, s.kvmMpState),
  KVM_SET_MP_STATE: iow(0x99, s.kvmMpState),
  KVM_SET_GUEST_DEBUG: iow(0x9b, s.kvmGuestDebug),
  KVM_GET_VCPU_EVENTS: ior(0x9f, s.kvmVcpuEvents),
  KVM_SET_VCPU_EVENTS: iow(0xa0, s.kvmVcpuEvents),
  KVM_GET_DEBUGREGS: ior(0xa1, s.kvmDebugregs),
  KVM_SET_DEBUGREGS: iow(0xa2, s.kvmDebugregs),
  KVM_GET_XSAVE: ior(0xa4, s.kvmXsave),
  KVM_SET_XSAVE: iow(0xa5, s.kvmXsave),
  KVM_GET_XCRS: ior(0xa6, s.kvmXcrs),
  KVM_SET_XCRS: iow(0xa7, s.kvmXcrs),
} as const;

/** The name of an ioctl. */
export type KvmIoctl = keyof typeof kvmIoctls;

/** Capabilities, for `checkExtension` and `enableCap`. */
export const kvmCaps = {
  KVM_CAP_USER_MEMORY: 3,
  KVM_CAP_SET_TSS_ADDR: 4,
  KVM_CAP_EXT_CPUID: 7,
  KVM_CAP_NR_MEMSLOTS: 10,
  KVM_CAP_MP_STATE: 14,
  KVM_CAP_SET_GUEST_DEBUG: 23,
  KVM_CAP_INTERNAL_ERROR_DATA: 40,
  KVM_CAP_VCPU_EVENTS: 41,
  KVM_CAP_DEBUGREGS: 50,
  KVM_CAP_XSAVE: 55,
  KVM_CAP_XCRS: 56,
  KVM_CAP_TSC_CONTROL: 60,
  KVM_CAP_SYNC_REGS: 74,
  KVM_CAP_IMMEDIATE_EXIT: 136,
  KVM_CAP_EXCEPTION_PAYLOAD: 164,
  KVM_CAP_X86_USER_SPACE_MSR: 188,
  KVM_CAP_X86_MSR_FILTER: 189,
  KVM_CAP_XSAVE2: 208,
} as const;

/** Why the vCPU came back: `kvm_run.exit_reason`. */
export const kvmExits = {
  KVM_EXIT_IO: 2,
  KVM_EXIT_DEBUG: 4,
  KVM_EXIT_HLT: 5,
  KVM_EXIT_MMIO: 6,
  KVM_EXIT_IRQ_WINDOW_OPEN: 7,
  KVM_EXIT_SHUTDOWN: 8,
  KVM_EXIT_FAIL_ENTRY: 9,
  KVM_EXIT_INTERNAL_ERROR: 17,
  KVM_EXIT_SYSTEM_EVENT: 24,
  KVM_EXIT_X86_RDMSR: 29,
  KVM_EXIT_X86_WRMSR: 30,
} as const;

/** Bits and values that go into the structs. */
export const kvmFlags = {
  KVM_API_VERSION: 12,
  KVM_EXIT_IO_OUT: 1,

  KVM_MEM_LOG_DIRTY_PAGES: 1,
  KVM_MEM_READONLY: 2,

  KVM_SYNC_X86_REGS: 1,
  KVM_SYNC_X86_SREGS: 2,
  KVM_SYNC_X86_EVENTS: 4,

  KVM_MSR_EXIT_REASON_INVAL: 1,
  KVM_MSR_EXIT_REASON_UNKNOWN: 2,
  KVM_MSR_EXIT_REASON_FILTER: 4,
  KVM_MSR_FILTER_READ: 1,
  KVM_MSR_FILTER_WRITE: 2,
  KVM_MSR_FILTER_DEFAULT_ALLOW: 0,
  KVM_MSR_FILTER_DEFAULT_DENY: 1,
  KVM_MSR_FILTER_MAX_RANGES: 16,
  KVM_MSR_FILTER_MAX_BITMAP_SIZE: 0x600,

  KVM_CPUID_FLAG_SIGNIFCANT_INDEX: 1,

  KVM_GUESTDBG_ENABLE: 1,
  KVM_GUESTDBG_SINGLESTEP: 2,
  KVM_GUESTDBG_USE_HW_BP: 0x20000,

  KVM_MP_STATE_RUNNABLE: 0,
  KVM_MP_STATE_HALTED: 3,

  KVM_INTERNAL_ERROR_EMULATION: 1,

  KVM_VCPUEVENT_VALID_NMI_PENDING: 1,
  KVM_VCPUEVENT_VALID_SIPI_VECTOR: 2,
  KVM_VCPUEVENT_VALID_SHADOW: 4,
  KVM_VCPUEVENT_VALID_SMM: 8,
  KVM_VCPUEVENT_VALID_PAYLOAD: 16,
  KVM_VCPUEVENT_VALID_TRIPLE_FAULT: 32,
} as const;
