/**
 * A VM: guest memory slots, MSR filter, dirty log, and the way to its vCPU.
 *
 * Called by machine/.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/layout.ts";
import { Descriptor } from "./descriptor.ts";
import type { HostMemory } from "./host_memory.ts";
import { kvmFlags } from "./kvm_numbers.ts";
import {
  kvmDirtyLog,
  kvmEnableCap,
  kvmMsrFilter,
  kvmMsrFilterRange,
  kvmUserspaceMemoryRegion,
} from "./kvm_structs.ts";
import { addressOf, kvmIoctl } from "./libc.ts";
import { Vcpu } from "./vcpu.ts";

/** A slot of guest memory. */
export interface MemoryRegion {
  /** Its number; 0 for the first. */
  readonly slot: number;
  /** KVM_MEM_... */
  readonly flags: number;
  /** Where the guest sees it: guest-physical, page aligned. */
  readonly guestPhysAddr: bigint;
  /** What is behind it, whole. It must outlive the VM. */
  readonly memory: HostMemory;
}

/** Which MSRs the guest may access without an exit. */
export interface MsrFilter {
  /** Whether MSRs outside of all ranges are allowed. */
  readonly defaultAllow: boolean;
  /** At most 16. */
  readonly ranges: readonly MsrFilterRange[];
}

/** A range of MSRs with a bit each. */
export interface MsrFilterRange {
  /** KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE: what the bits are about. */
  readonly flags: number;
  /** The first MSR. */
  readonly base: number;
  /** How many MSRs. */
  readonly count: number;
  /** One bit an MSR, the lowest first: 1 allows, 0 makes it an exit (or #GP). */
  readonly bitmap: Bytes;
}

/** One virtual machine of KVM's. Closed last of all that came from it. */
export class Vm extends Descriptor {
  readonly #vcpuMmapSize: number;

  /**
   * Kvm.createVm makes them.
   * @param vcpuMmapSize the size of a vCPU's run area in bytes
   */
  constructor(fd: number, vcpuMmapSize: number) {
    super(fd);
    this.#vcpuMmapSize = vcpuMmapSize;
  }

  /** KVM_SET_TSS_ADDR: three pages below 4 GiB that Intel hosts need; no memory may be there. */
  setTssAddress(address: number): void {
    kvmIoctl(this.fd, "KVM_SET_TSS_ADDR", address);
  }

  /** KVM_ENABLE_CAP, with up to four arguments. */
  enableCap(cap: number, args: readonly bigint[] = []): void {
    const bytes = new Uint8Array(kvmEnableCap.size);
    const view = kvmEnableCap.view(bytes);
    kvmEnableCap.set(view, "cap", cap);
    args.forEach((arg, i) => kvmEnableCap.set(view, `args.${i}`, arg));
    kvmIoctl(this.fd, "KVM_ENABLE_CAP", bytes, `does this kernel have KVM capability ${cap}?`);
  }

  /** KVM_SET_USER_MEMORY_REGION. */
  setMemoryRegion({ slot, flags, guestPhysAddr, memory }: MemoryRegion): void {
    const bytes = new Uint8Array(kvmUserspaceMemoryRegion.size);
    const view = kvmUserspaceMemoryRegion.view(bytes);
    kvmUserspaceMemoryRegion.set(view, "slot", slot);
    kvmUserspaceMemoryRegion.set(view, "flags", flags);
    kvmUserspaceMemoryRegion.set(view, "guest_phys_addr", guestPhysAddr);
    kvmUserspaceMemoryRegion.set(view, "memory_size", BigInt(memory.size));
    kvmUserspaceMemoryRegion.set(view, "userspace_addr", memory.address);
    kvmIoctl(this.fd, "KVM_SET_USER_MEMORY_REGION", bytes);
  }

  /**
   * KVM_X86_SET_MSR_FILTER. What it denies is an exit if KVM_CAP_X86_USER_SPACE_MSR is enabled with
   * KVM_MSR_EXIT_REASON_FILTER, else #GP.
   */
  setMsrFilter({ defaultAllow, ranges }: MsrFilter): void {
    const { KVM_MSR_FILTER_DEFAULT_ALLOW, KVM_MSR_FILTER_DEFAULT_DENY } = kvmFlags;
    const flags = defaultAllow ? KVM_MSR_FILTER_DEFAULT_ALLOW : KVM_MSR_FILTER_DEFAULT_DENY;
    const max = kvmFlags.KVM_MSR_FILTER_MAX_RANGES;
    assert(ranges.length <= max, `${ranges.length} MSR ranges, at most ${max}`);
    const bytes = new Uint8Array(kvmMsrFilter.size);
    kvmMsrFilter.set(kvmMsrFilter.view(bytes), "flags", flags);
    ranges.forEach(({ flags, base, count, bitmap }, i) => {
      const have = bitmap.byteLength * 8;
      assert(have >= count, `the bitmap of MSR range ${i} has ${have} bits, need ${count}`);
      const start = kvmMsrFilter.offset("ranges") + i * kvmMsrFilterRange.size;
      const view = kvmMsrFilterRange.view(bytes, start);
      kvmMsrFilterRange.set(view, "flags", flags);
      kvmMsrFilterRange.set(view, "nmsrs", count);
      kvmMsrFilterRange.set(view, "base", base);
      kvmMsrFilterRange.set(view, "bitmap", addressOf(bitmap));
    });
    kvmIoctl(this.fd, "KVM_X86_SET_MSR_FILTER", bytes);
  }

  /**
   * KVM_GET_DIRTY_LOG: which pages of a slot the guest wrote since the last call; starts anew.
   * @param bitmap filled with one bit a page, the lowest first; a multiple of 8 bytes that covers the
   *   slot (KVM writes all of them and is not told the size)
   */
  getDirtyLog(slot: number, bitmap: Bytes): void {
    const bytes = new Uint8Array(kvmDirtyLog.size);
    const view = kvmDirtyLog.view(bytes);
    kvmDirtyLog.set(view, "slot", slot);
    kvmDirtyLog.set(view, "dirty_bitmap", addressOf(bitmap));
    kvmIoctl(this.fd, "KVM_GET_DIRTY_LOG", bytes, "was the slot set up to log dirty pages?");
  }

  /** KVM_CREATE_VCPU. Everything that is done with a vCPU belongs into one thread. */
  createVcpu(id: number): Vcpu {
    return new Vcpu(kvmIoctl(this.fd, "KVM_CREATE_VCPU", id), this.#vcpuMmapSize);
  }
}
