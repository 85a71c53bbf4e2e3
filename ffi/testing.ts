/**
 * A guest of a few bytes, for the tests of this room: one page of real-mode code at guest address 0x1000.
 */
import { HostMemory } from "./host_memory.ts";
import { Kvm } from "./kvm.ts";
import { kvmFlags } from "./kvm_numbers.ts";
import { kvmRegs, kvmSregs } from "./kvm_structs.ts";
import type { Vcpu } from "./vcpu.ts";
import type { Vm } from "./vm.ts";

/** Where the code is, guest-physical. */
export const codeAddress = 0x1000;
/** How much memory there is, in bytes; its dirty pages are logged. */
export const memoryBytes = 64 << 10;

/** A VM with memory and a vCPU that is about to execute the code. */
export class TinyGuest implements Disposable {
  /** All of its RAM, from guest address 0. */
  readonly memory: HostMemory;
  /** What it came from. */
  readonly kvm: Kvm;
  /** Its VM. */
  readonly vm: Vm;
  /** Its only vCPU. */
  readonly vcpu: Vcpu;
  readonly #resources: DisposableStack;

  /**
   * Makes one.
   * @param code real-mode machine code
   */
  constructor(code: readonly number[]) {
    using stack = new DisposableStack();
    this.memory = stack.use(HostMemory.allocate(memoryBytes));
    this.kvm = stack.use(Kvm.open());
    this.vm = stack.use(this.kvm.createVm());
    this.vm.setTssAddress(0xfffb_d000);
    const flags = kvmFlags.KVM_MEM_LOG_DIRTY_PAGES;
    this.vm.setMemoryRegion({ slot: 0, flags, guestPhysAddr: 0n, memory: this.memory });
    this.memory.bytes.set(code, codeAddress);
    this.vcpu = stack.use(this.vm.createVcpu(0));
    this.vcpu.setCpuid(this.kvm.supportedCpuid());
    enterRealMode(this.vcpu);
    this.#resources = stack.move();
  }

  /** Closes everything. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function enterRealMode(vcpu: Vcpu): void {
  const sregs = vcpu.get("sregs");
  const view = kvmSregs.view(sregs);
  kvmSregs.set(view, "cs.base", 0n);
  kvmSregs.set(view, "cs.selector", 0);
  vcpu.set("sregs", sregs);
  const regs = new Uint8Array(kvmRegs.size);
  kvmRegs.set(kvmRegs.view(regs), "rip", BigInt(codeAddress));
  kvmRegs.set(kvmRegs.view(regs), "rflags", 2n);
  vcpu.set("regs", regs);
}
