/**
 * The machine: one KVM VM with one vCPU, guest memory, the board of devices, and what our own code
 * knows of it (where it is, whether it is halted, what it has put out).
 *
 * A machine is a deterministic function of its events; this class is the state that the function works
 * on. `vcpu_loop.ts` drives it, `state.ts` captures and applies it, `digest.ts` digests it. It belongs
 * to the thread that created it.
 */
import { assert } from "../base/assert.ts";
import { Board, NET_IRQ, NET_MMIO, type NetOptions } from "../devices/board.ts";
import { HostMemory } from "../ffi/host_memory.ts";
import { Kvm } from "../ffi/kvm.ts";
import { kvmCaps, kvmFlags } from "../ffi/kvm_numbers.ts";
import type { Vcpu } from "../ffi/vcpu.ts";
import type { Vm } from "../ffi/vm.ts";
import { checkHostCpuid, CPUID_TABLE } from "./cpuid.ts";
import { DirtySet } from "./dirty_set.ts";
import { RunningChecksum } from "./exit_checksum.ts";
import { ExitTrail } from "./exit_trail.ts";
import { checkMemoryBytes, GuestMemory } from "./guest_memory.ts";
import { KVM_TSS_ADDRESS } from "./memory_map.ts";
import { UndoneOutputs } from "./undone_outputs.ts";
import { allowedMsrs } from "./msrs.ts";
import { type BootSource, loadGuest } from "./pvh.ts";
import { startPvh } from "./vcpu_state.ts";

/** How a guest ended. */
export interface GuestEnd {
  /** In words, for people. */
  readonly why: string;
  /** 0 if the guest says that all is well. */
  readonly code: number;
}

/** What a machine may have besides what every machine has. */
export interface MachineOptions {
  /** A network card; a state that is applied says itself whether its machine has one. */
  readonly net?: NetOptions;
}

/** How a Linux kernel, or whoever reads its command line as that does, finds the network card. */
const NET_COMMAND_LINE = `virtio_mmio.device=${NET_MMIO.bytes}@0x${
  NET_MMIO.address.toString(16)
}:${NET_IRQ}`;

const MEMORY_SLOT = 0;

/** One machine. */
export class Machine implements Disposable {
  readonly memory: GuestMemory;
  readonly dirty: DirtySet;
  readonly board: Board;
  /** The host's time of day when the machine's clock was 0: milliseconds since 1970. */
  epochMs: number;
  /** The kind of host that the state was captured on that this machine goes on from: this one's at first. */
  stateKind: number;
  /** The ordinal of the last guest-caused exit or forced point. */
  point = 0;
  /** The guest executed HLT and waits for an interrupt. */
  halted = false;
  /** Set once the guest has ended; it is not entered again. */
  end: GuestEnd | undefined;
  /**
   * Its processor has shut down (a triple fault). What is in the registers then is the host's as well: an INT3 whose
   * delivery ends so leaves RIP at it or behind it, as a signal has interrupted KVM meanwhile or not.
   */
  hasShutDown = false;
  /** Outputs that are not known to be done. */
  readonly undone = new UndoneOutputs();
  /** Running checksum of the exit sequence. */
  readonly exits = new RunningChecksum();
  /** The last exits; a thread puts one here into which main can look. */
  trail = new ExitTrail();
  /** Running checksum of the outputs. */
  readonly outputs = new RunningChecksum();

  private constructor(
    private readonly kvm: Kvm,
    private readonly vm: Vm,
    readonly vcpu: Vcpu,
    private readonly hostMemory: HostMemory,
    epochMs: number,
    readonly hostKind: number,
    { net }: MachineOptions,
  ) {
    this.epochMs = epochMs;
    this.stateKind = hostKind;
    this.memory = new GuestMemory(hostMemory.bytes);
    this.dirty = new DirtySet(this.memory, {
      setLogging: (isOn) => setMemory(vm, hostMemory, isOn),
      read: (bitmap) => vm.getDirtyLog(MEMORY_SLOT, bitmap),
    });
    this.board = new Board({
      epochSeconds: Math.floor(epochMs / 1000),
      memory: this.memory,
      ...(net === undefined ? {} : { net }),
    });
  }

  /**
   * A machine with empty memory.
   * @param memoryBytes how much memory the guest has
   * @param epochMs the host's time of day, milliseconds since 1970: what the RTC counts from
   * @param hostKind which kind of host this is: see host_kind.ts
   * @throws UnavailableError if this host can't run one, UsageError for an impossible size
   */
  static create(
    memoryBytes: number,
    epochMs: number,
    hostKind: number,
    options: MachineOptions = {},
  ): Machine {
    checkMemoryBytes(memoryBytes);
    using stack = new DisposableStack();
    const kvm = stack.use(Kvm.open());
    checkHostCpuid(kvm.supportedCpuid());
    const memory = stack.use(HostMemory.allocate(memoryBytes));
    const vm = stack.use(kvm.createVm());
    vm.setTssAddress(KVM_TSS_ADDRESS);
    trapMsrs(vm);
    setMemory(vm, memory, false);
    const vcpu = stack.use(vm.createVcpu(0));
    vcpu.setCpuid(CPUID_TABLE);
    vcpu.enableSyncRegs(kvmFlags.KVM_SYNC_X86_REGS);
    const machine = new Machine(kvm, vm, vcpu, memory, epochMs, hostKind, options);
    stack.move();
    return machine;
  }

  /** The state was captured on another kind of host: not all of it is what it would have been here. */
  get isOtherKind(): boolean {
    return this.stateKind !== this.hostKind;
  }

  /** Where guest memory is in this process: another thread may view it there, on loan. */
  get memoryAddress(): bigint {
    return this.hostMemory.address;
  }

  /** The machine's clock, in microseconds since it was switched on. */
  get clockUs(): number {
    return this.board.clockUs;
  }

  /** Loads a guest and puts the vCPU at its entry. The command line says where a network card is. */
  boot(source: BootSource): void {
    const words = [source.commandLine, this.board.net && NET_COMMAND_LINE];
    const commandLine = words.filter((word) => word).join(" ");
    loadGuest(this.memory, { ...source, commandLine });
    startPvh(this.vcpu, source.image.entry);
  }

  /** Has KVM say anew, after state was applied, whether the guest can take an interrupt. */
  refreshReadiness(): void {
    this.vcpu.immediateExit = true;
    const exited = this.vcpu.run();
    this.vcpu.immediateExit = false;
    assert(!exited, "an exit came out of a machine whose state was just applied");
  }

  [Symbol.dispose](): void {
    this.vcpu[Symbol.dispose]();
    this.vm[Symbol.dispose]();
    this.hostMemory[Symbol.dispose]();
    this.kvm[Symbol.dispose]();
  }
}

/** Puts guest memory in its place; again, to switch logging on or off: nothing else changes then. */
function setMemory(vm: Vm, memory: HostMemory, isLogging: boolean): void {
  const flags = isLogging ? kvmFlags.KVM_MEM_LOG_DIRTY_PAGES : 0;
  vm.setMemoryRegion({ slot: MEMORY_SLOT, flags, guestPhysAddr: 0n, memory });
}

/** Makes every MSR that is not state come out as an exit. */
function trapMsrs(vm: Vm): void {
  const reasons = kvmFlags.KVM_MSR_EXIT_REASON_INVAL | kvmFlags.KVM_MSR_EXIT_REASON_UNKNOWN |
    kvmFlags.KVM_MSR_EXIT_REASON_FILTER;
  vm.enableCap(kvmCaps.KVM_CAP_X86_USER_SPACE_MSR, [BigInt(reasons)]);
  const flags = kvmFlags.KVM_MSR_FILTER_READ | kvmFlags.KVM_MSR_FILTER_WRITE;
  vm.setMsrFilter({
    defaultAllow: false,
    ranges: allowedMsrs().map((range) => ({ flags, ...range })),
  });
}
