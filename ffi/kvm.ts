/**
 * /dev/kvm: what the host can do, and the way to a VM.
 *
 * Called by machine/ and by `understudy doctor`.
 */
import { OsError, UnavailableError } from "../base/errors.ts";
import { type CpuidEntry, decodeCpuid, emptyCpuid } from "./cpuid.ts";
import { Descriptor } from "./descriptor.ts";
import { kvmFlags, kvmIoctls } from "./kvm_numbers.ts";
import { kvmMsrList } from "./kvm_structs.ts";
import { cString, Errno, errno, kvmIoctl, libc, openFlags } from "./libc.ts";
import { Vm } from "./vm.ts";

/** What to do about a KVM device that can't be opened with this errno. */
export function cannotOpen(path: string, error: number): UnavailableError {
  const advice = error === Errno.EACCES || error === Errno.EPERM
    ? "add this user to the kvm group (usermod -aG kvm USER, then log in again), or run as root"
    : error === Errno.ENOENT
    ? "check the path; load the module (modprobe kvm_intel or kvm_amd), and where this is a virtual " +
      "machine or a container let its host pass KVM on"
    : "the module is loaded, but virtualization may be switched off in the firmware; see dmesg";
  return new UnavailableError(`can't open ${path} (errno ${error}); ${advice}`);
}

/** The KVM subsystem of this host. */
export class Kvm extends Descriptor {
  /**
   * Opens KVM.
   * @throws UnavailableError if it is not there, not permitted, or not the API that this code speaks
   */
  static open(path = "/dev/kvm"): Kvm {
    const fd = libc.open(cString(path), openFlags.O_RDWR | openFlags.O_CLOEXEC, 0);
    if (fd < 0) throw cannotOpen(path, errno());
    const kvm = new Kvm(fd);
    try {
      const version = kvm.apiVersion();
      if (version === kvmFlags.KVM_API_VERSION) return kvm;
      throw new UnavailableError(
        `${path} speaks KVM API ${version}, expected ${kvmFlags.KVM_API_VERSION}; ` +
          "the kernel is older than 2.6.22",
      );
    } catch (error) {
      kvm[Symbol.dispose]();
      if (!(error instanceof OsError)) throw error;
      throw new UnavailableError(`${path} is not a KVM device: ${error.message}; check the path`);
    }
  }

  /** KVM_GET_API_VERSION: 12 since Linux 2.6.22. */
  apiVersion(): number {
    return kvmIoctl(this.fd, "KVM_GET_API_VERSION", 0);
  }

  /** KVM_CHECK_EXTENSION: 0 if the host lacks the capability, else 1 or what it means by its number. */
  checkExtension(cap: number): number {
    return kvmIoctl(this.fd, "KVM_CHECK_EXTENSION", cap);
  }

  /** KVM_GET_SUPPORTED_CPUID: all that a guest could be told it has. */
  supportedCpuid(): CpuidEntry[] {
    const bytes = emptyCpuid();
    kvmIoctl(this.fd, "KVM_GET_SUPPORTED_CPUID", bytes);
    return decodeCpuid(bytes);
  }

  /** KVM_GET_MSR_INDEX_LIST: the MSRs that are a vCPU's state here. */
  msrIndexList(): number[] {
    const head = new Uint8Array(kvmMsrList.size);
    const request = kvmIoctls.KVM_GET_MSR_INDEX_LIST;
    // Asked for an empty list it fails with E2BIG, and says how long the list is.
    const result = libc.ioctlPointer(this.fd, request, head);
    if (result < 0 && errno() !== Errno.E2BIG) throw new OsError("KVM_GET_MSR_INDEX_LIST", errno());
    const count = kvmMsrList.get(kvmMsrList.view(head), "nmsrs");
    const list = new Uint32Array(1 + count);
    list[0] = count;
    kvmIoctl(this.fd, "KVM_GET_MSR_INDEX_LIST", new Uint8Array(list.buffer));
    return Array.from(list.subarray(1, 1 + list[0]!));
  }

  /** KVM_GET_VCPU_MMAP_SIZE: the size of a vCPU's run area in bytes. */
  vcpuMmapSize(): number {
    return kvmIoctl(this.fd, "KVM_GET_VCPU_MMAP_SIZE", 0);
  }

  /** KVM_CREATE_VM: a VM without memory, vCPU and in-kernel devices. */
  createVm(): Vm {
    const fd = kvmIoctl(this.fd, "KVM_CREATE_VM", 0, "see dmesg; is another hypervisor active?");
    return new Vm(fd, this.vcpuMmapSize());
  }
}
