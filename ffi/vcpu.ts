/**
 * A vCPU: runs the guest, and gives and takes its registers as the structs that KVM knows.
 *
 * Called by machine/, from one thread only: KVM wants every ioctl of a vCPU from the thread that runs it.
 */
import { assert } from "../base/assert.ts";
import { OsError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { type CpuidEntry, decodeCpuid, emptyCpuid, encodeCpuid } from "./cpuid.ts";
import { Descriptor } from "./descriptor.ts";
import { kvmIoctls } from "./kvm_numbers.ts";
import * as s from "./kvm_structs.ts";
import { check, Errno, errno, kvmIoctl, libc, map, mapFlags } from "./libc.ts";
import { RunArea } from "./run_area.ts";

/**
 * The parts of a vCPU's state that KVM gives and takes as one struct. (MSRs, CPUID, and what kvm_run
 * carries are the others.) DESIGN.md section 6 has the order in which they are applied.
 */
export const vcpuParts = {
  regs: { get: "KVM_GET_REGS", set: "KVM_SET_REGS", layout: s.kvmRegs },
  sregs: { get: "KVM_GET_SREGS", set: "KVM_SET_SREGS", layout: s.kvmSregs },
  xcrs: { get: "KVM_GET_XCRS", set: "KVM_SET_XCRS", layout: s.kvmXcrs },
  xsave: { get: "KVM_GET_XSAVE", set: "KVM_SET_XSAVE", layout: s.kvmXsave },
  events: { get: "KVM_GET_VCPU_EVENTS", set: "KVM_SET_VCPU_EVENTS", layout: s.kvmVcpuEvents },
  debugregs: { get: "KVM_GET_DEBUGREGS", set: "KVM_SET_DEBUGREGS", layout: s.kvmDebugregs },
  mpState: { get: "KVM_GET_MP_STATE", set: "KVM_SET_MP_STATE", layout: s.kvmMpState },
} as const;

/** The name of one of {@link vcpuParts}. */
export type VcpuPart = keyof typeof vcpuParts;

/** A model-specific register and its value. */
export interface Msr {
  /** The number that RDMSR takes in ECX. */
  readonly index: number;
  /** What it holds. */
  readonly value: bigint;
}

const { KVM_RUN, KVM_INTERRUPT } = kvmIoctls;

/** One virtual CPU. Its run area (exits, interrupt readiness, synced registers) is inherited. */
export class Vcpu extends RunArea implements Disposable {
  readonly #resources: DisposableStack;
  readonly #descriptor: Descriptor;
  readonly #vector = new Uint32Array(1);

  /**
   * Vm.createVcpu makes them. Takes `fd` over.
   * @param areaSize the size of the run area in bytes
   */
  constructor(fd: number, areaSize: number) {
    using resources = new DisposableStack();
    const descriptor = resources.use(new Descriptor(fd));
    const area = map(areaSize, mapFlags.MAP_SHARED, fd, "kvm_run");
    resources.defer(() => check(libc.munmap(area, BigInt(areaSize)), "munmap of kvm_run"));
    super(Deno.UnsafePointerView.getArrayBuffer(area, areaSize));
    this.#descriptor = descriptor;
    this.#resources = resources.move();
  }

  /**
   * KVM_RUN: runs the guest until it exits (true; see `exit()`) or a signal or `immediateExit` stops
   * it (false).
   * @throws OsError
   */
  run(): boolean {
    if (libc.ioctlInteger(this.#descriptor.fd, KVM_RUN, 0n) >= 0) return true;
    const error = errno();
    if (error === Errno.EINTR || error === Errno.EAGAIN) return false;
    throw new OsError("KVM_RUN", error, "see dmesg");
  }

  /**
   * KVM_INTERRUPT: has the guest take an interrupt at the next entry. Only if `readyForInterrupt`.
   * @throws OsError
   */
  interrupt(vector: number): void {
    this.#vector[0] = vector;
    check(libc.ioctlPointer(this.#descriptor.fd, KVM_INTERRUPT, this.#vector), "KVM_INTERRUPT");
  }

  /**
   * One part of the state, as its struct's bytes.
   * @param into where to put it; at least the struct's size
   */
  get(part: VcpuPart, into: Bytes = new Uint8Array(vcpuParts[part].layout.size)): Bytes {
    this.#transfer(vcpuParts[part].get, part, into);
    return into;
  }

  /** Replaces one part of the state; what it refuses throws. */
  set(part: VcpuPart, bytes: Bytes): void {
    this.#transfer(vcpuParts[part].set, part, bytes);
  }

  /** KVM_GET_MSRS. An MSR that KVM does not know here throws. */
  getMsrs(indices: readonly number[]): Msr[] {
    const bytes = encodeMsrs(indices.map((index) => ({ index, value: 0n })));
    this.#checkMsrs("KVM_GET_MSRS", indices, kvmIoctl(this.#descriptor.fd, "KVM_GET_MSRS", bytes));
    return indices.map((index, i) => {
      const view = s.kvmMsrEntry.view(bytes, s.kvmMsrs.size + i * s.kvmMsrEntry.size);
      return { index, value: s.kvmMsrEntry.get(view, "data") };
    });
  }

  /** KVM_SET_MSRS. An MSR, or a value, that KVM does not accept here throws. */
  setMsrs(msrs: readonly Msr[]): void {
    const done = kvmIoctl(this.#descriptor.fd, "KVM_SET_MSRS", encodeMsrs(msrs));
    this.#checkMsrs("KVM_SET_MSRS", msrs.map(({ index }) => index), done);
  }

  /** KVM_TRANSLATE: the guest-physical address of a linear one; undefined if it has none. */
  translate(linear: bigint): bigint | undefined {
    const bytes = new Uint8Array(s.kvmTranslation.size);
    const view = s.kvmTranslation.view(bytes);
    s.kvmTranslation.set(view, "linear_address", linear);
    kvmIoctl(this.#descriptor.fd, "KVM_TRANSLATE", bytes);
    const isThere = s.kvmTranslation.get(view, "valid") !== 0;
    return isThere ? s.kvmTranslation.get(view, "physical_address") : undefined;
  }

  /** KVM_GET_CPUID2: the table that was set, as KVM keeps it. */
  getCpuid(): CpuidEntry[] {
    const bytes = emptyCpuid();
    kvmIoctl(this.#descriptor.fd, "KVM_GET_CPUID2", bytes);
    return decodeCpuid(bytes);
  }

  /** KVM_SET_CPUID2: before the first run. */
  setCpuid(entries: readonly CpuidEntry[]): void {
    kvmIoctl(this.#descriptor.fd, "KVM_SET_CPUID2", encodeCpuid(entries));
  }

  /**
   * KVM_SET_SIGNAL_MASK: the thread's signal mask while the guest runs. A signal that is blocked outside
   * and not here stops the guest and stays pending.
   * @param mask bit n - 1 for each blocked signal n
   */
  setSignalMask(mask: bigint): void {
    const bytes = new Uint8Array(s.kvmSignalMask.size + 8);
    s.kvmSignalMask.set(s.kvmSignalMask.view(bytes), "len", 8);
    new DataView(bytes.buffer).setBigUint64(s.kvmSignalMask.size, mask, true);
    kvmIoctl(this.#descriptor.fd, "KVM_SET_SIGNAL_MASK", bytes);
  }

  /**
   * KVM_SET_GUEST_DEBUG: single steps or breakpoints.
   * @param control KVM_GUESTDBG_..., 0 ends it
   * @param debugRegisters DR0 to DR7
   */
  setGuestDebug(control: number, debugRegisters: readonly bigint[] = []): void {
    const bytes = new Uint8Array(s.kvmGuestDebug.size);
    const view = s.kvmGuestDebug.view(bytes);
    s.kvmGuestDebug.set(view, "control", control);
    debugRegisters.forEach((value, i) => s.kvmGuestDebug.set(view, `arch.debugreg.${i}`, value));
    kvmIoctl(this.#descriptor.fd, "KVM_SET_GUEST_DEBUG", bytes);
  }

  /** Unmaps the run area, whose views dangle from then on, and closes the descriptor. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #transfer(name: (typeof vcpuParts)[VcpuPart]["get" | "set"], part: VcpuPart, bytes: Bytes): void {
    const { size } = vcpuParts[part].layout;
    assert(bytes.byteLength >= size, `${name}: ${bytes.byteLength} bytes, need ${size}`);
    kvmIoctl(this.#descriptor.fd, name, bytes, "does this host have what the state needs?");
  }

  /** KVM says how many it did: fewer if it stopped at one that it refuses. */
  #checkMsrs(call: string, indices: readonly number[], done: number): void {
    const refused = indices[done];
    if (refused === undefined) return;
    const advice = "this host's KVM does not have it, or not this value";
    throw new OsError(`${call} of MSR 0x${refused.toString(16)}`, 0, advice);
  }
}

function encodeMsrs(msrs: readonly Msr[]): Bytes {
  const bytes = new Uint8Array(s.kvmMsrs.size + msrs.length * s.kvmMsrEntry.size);
  s.kvmMsrs.set(s.kvmMsrs.view(bytes), "nmsrs", msrs.length);
  msrs.forEach(({ index, value }, i) => {
    const view = s.kvmMsrEntry.view(bytes, s.kvmMsrs.size + i * s.kvmMsrEntry.size);
    s.kvmMsrEntry.set(view, "index", index);
    s.kvmMsrEntry.set(view, "data", value);
  });
  return bytes;
}
