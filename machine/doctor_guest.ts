/**
 * The guest of a probe: a few bytes of machine code in 64 KiB of memory. It is made as machine.ts makes a
 * machine, but so small that a failure has one cause; doctor_boot.ts says how it starts.
 *
 * Called by the probes of doctor_basics.ts and doctor_abilities.ts.
 */
import { GuestError } from "../base/errors.ts";
import type { Exit, IoExit } from "../ffi/exit.ts";
import { HostMemory } from "../ffi/host_memory.ts";
import type { Kvm } from "../ffi/kvm.ts";
import { kvmFlags } from "../ffi/kvm_numbers.ts";
import { kvmRegs } from "../ffi/kvm_structs.ts";
import type { Vcpu } from "../ffi/vcpu.ts";
import type { Vm } from "../ffi/vm.ts";
import { CPUID_TABLE } from "./cpuid.ts";
import {
  INTERRUPT_VECTOR,
  type Plan,
  Port,
  PROBE_MEMORY_BYTES,
  startGuest,
} from "./doctor_boot.ts";
import type { Watchdog } from "./doctor_watchdog.ts";
import { KVM_TSS_ADDRESS } from "./memory_map.ts";

/** What probes of guests need. */
export interface Lab {
  /** The KVM that is examined. */
  readonly kvm: Kvm;
  /** Bounds every run. */
  readonly watchdog: Watchdog;
}

/** From one exit to the next, at most: ten times what the slowest probe takes when interpreted. */
const RUN_BOUND_MS = 500;

/** What a probe's guest is. */
export interface GuestPlan extends Plan {
  /** What is done to the VM before it has a vCPU. */
  readonly prepare?: (vm: Vm) => void;
}

/** A VM with memory and a vCPU that is about to execute the code. */
export class ProbeGuest implements Disposable {
  /** All of its RAM. */
  readonly memory: HostMemory;
  /** Its VM. */
  readonly vm: Vm;
  /** Its only vCPU. */
  readonly vcpu: Vcpu;
  readonly #watchdog: Watchdog;
  readonly #resources: DisposableStack;

  /**
   * Makes one.
   * @throws OsError
   */
  constructor({ kvm, watchdog }: Lab, plan: GuestPlan) {
    using stack = new DisposableStack();
    this.#watchdog = watchdog;
    this.memory = stack.use(HostMemory.allocate(PROBE_MEMORY_BYTES));
    this.vm = stack.use(kvm.createVm());
    this.vm.setTssAddress(KVM_TSS_ADDRESS);
    plan.prepare?.(this.vm);
    const flags = kvmFlags.KVM_MEM_LOG_DIRTY_PAGES;
    this.vm.setMemoryRegion({ slot: 0, flags, guestPhysAddr: 0n, memory: this.memory });
    this.vcpu = stack.use(this.vm.createVcpu(0));
    this.vcpu.setCpuid(CPUID_TABLE);
    watchdog.guard(this.vcpu);
    startGuest(this.vcpu, this.memory.bytes, plan);
    this.#resources = stack.move();
  }

  /**
   * Runs to the next exit.
   * @throws GuestError if there is none in time
   */
  next(): Exit {
    if (this.runFor(RUN_BOUND_MS)) return this.vcpu.exit();
    throw new GuestError(`the guest did not come back within ${RUN_BOUND_MS} ms`);
  }

  /** Runs to the next exit (true), or until `boundMs` are over (false). */
  runFor(boundMs: number): boolean {
    return this.#watchdog.run(this.vcpu, boundMs);
  }

  /**
   * Runs to the next exit, which must be an access to `port`.
   * @throws GuestError saying what came instead
   */
  nextIo(port: number): IoExit {
    const exit = this.next();
    if (exit.kind === "io" && exit.port === port) return exit;
    throw new GuestError(
      `expected an access to port 0x${port.toString(16)}, got ${this.show(exit)}`,
    );
  }

  /**
   * Runs to the next exit, which must be of this kind.
   * @throws GuestError saying what came instead
   */
  nextKind(kind: Exit["kind"]): void {
    const exit = this.next();
    if (exit.kind !== kind) throw new GuestError(`expected ${kind}, got ${this.show(exit)}`);
  }

  /** Answers the next IN from {@link Port.ask}. */
  answer(value: number): void {
    this.vcpu.writeIo(this.nextIo(Port.ask), value);
  }

  /**
   * Completes the instruction that exited, so that registers and readiness are final.
   * @throws GuestError if that exits
   */
  complete(): void {
    this.vcpu.immediateExit = true;
    const exited = this.vcpu.run();
    this.vcpu.immediateExit = false;
    if (exited) {
      throw new GuestError(`completing an instruction led to ${this.show(this.vcpu.exit())}`);
    }
  }

  /**
   * Completes the instruction and has the guest take an interrupt.
   * @throws GuestError if it can't
   */
  inject(): void {
    this.complete();
    if (!this.vcpu.readyForInterrupt) throw new GuestError("the guest can't take an interrupt");
    this.vcpu.interrupt(INTERRUPT_VECTOR);
  }

  /** The general registers. */
  registers(): DataView {
    return kvmRegs.view(this.vcpu.get("regs"));
  }

  /** The vector that this exit says was taken, if it does. */
  trapOf(exit: Exit): number | undefined {
    return exit.kind === "io" && exit.port === Port.trap ? this.vcpu.readIo(exit) : undefined;
  }

  /** An exit in words. */
  show(exit: Exit): string {
    const vector = this.trapOf(exit);
    if (vector !== undefined) return `exception or interrupt ${vector}`;
    switch (exit.kind) {
      case "io":
        return `${exit.isWrite ? "OUT to" : "IN from"} port 0x${exit.port.toString(16)}`;
      case "internal-error":
        return `KVM's internal error ${exit.suberror}`;
      case "unknown":
        return `exit reason ${exit.reason}`;
      default:
        return exit.kind;
    }
  }

  /** Closes everything. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
