/**
 * The memory that KVM shares with us for a vCPU: `struct kvm_run` and the io data page behind it.
 * What KVM says about the last exit is read here, and what we answer is written here.
 *
 * This is the hot path: offsets are constants, the objects of frequent exits are made once and reused,
 * and no bigint appears where a guest exits often.
 *
 * Vcpu builds on it; run_area_test.ts tries it on plain memory.
 */
import type { Bytes } from "../base/layout.ts";
import type { Exit, IoExit, MmioExit, PlainExit } from "./exit.ts";
import { kvmExits, kvmFlags } from "./kvm_numbers.ts";
import { kvmRegs, kvmRun, kvmSregs, kvmVcpuEvents } from "./kvm_structs.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const requestWindowAt = kvmRun.offset("request_interrupt_window");
const immediateExitAt = kvmRun.offset("immediate_exit");
const exitReasonAt = kvmRun.offset("exit_reason");
const readyAt = kvmRun.offset("ready_for_interrupt_injection");
const ifFlagAt = kvmRun.offset("if_flag");
const cr8At = kvmRun.offset("cr8");
const ioDirectionAt = kvmRun.offset("u.io.direction");
const ioSizeAt = kvmRun.offset("u.io.size");
const ioPortAt = kvmRun.offset("u.io.port");
const ioCountAt = kvmRun.offset("u.io.count");
const ioDataOffsetAt = kvmRun.offset("u.io.data_offset");
const mmioAddressAt = kvmRun.offset("u.mmio.phys_addr");
const mmioDataAt = kvmRun.offset("u.mmio.data");
const mmioLengthAt = kvmRun.offset("u.mmio.len");
const mmioIsWriteAt = kvmRun.offset("u.mmio.is_write");

/** The largest `internal.data` that kvm_run has room for. */
const maxInternalData = 16;

const hlt: PlainExit = { kind: "hlt" };
const irqWindow: PlainExit = { kind: "irq-window" };
const shutdown: PlainExit = { kind: "shutdown" };

/** A `kvm_run`, read and written in place. */
export class RunArea {
  /** The general registers, synced at each exit if `enableSyncRegs` asked for them: kvm_regs. */
  readonly syncedRegs: BigUint64Array<ArrayBuffer>;
  /** The same for segment and control registers: a kvm_sregs. */
  readonly syncedSregs: Bytes;
  /** The same for vCPU events: a kvm_vcpu_events. */
  readonly syncedEvents: Bytes;

  readonly #view: DataView;
  readonly #io: Mutable<IoExit>;
  readonly #mmio: Mutable<MmioExit>;

  /**
   * Lays views over a run area.
   * @param memory kvm_run and what KVM maps behind it
   */
  constructor(memory: ArrayBuffer) {
    this.#view = new DataView(memory);
    const syncAt = kvmRun.offset("s");
    this.syncedRegs = new BigUint64Array(memory, syncAt, kvmRegs.size / 8);
    this.syncedSregs = new Uint8Array(memory, kvmRun.offset("s.regs.sregs"), kvmSregs.size);
    this.syncedEvents = new Uint8Array(memory, kvmRun.offset("s.regs.events"), kvmVcpuEvents.size);
    const data = new Uint8Array(memory, mmioDataAt, 8);
    this.#io = { kind: "io", port: 0, width: 1, count: 0, isWrite: false, dataOffset: 0 };
    this.#mmio = { kind: "mmio", address: 0, width: 0, isWrite: false, data };
  }

  /** Makes the next entries return at once with EINTR, after they completed the last exit. */
  set immediateExit(on: boolean) {
    this.#view.setUint8(immediateExitAt, on ? 1 : 0);
  }

  /** Asks for an `irq-window` exit as soon as the guest can take an interrupt. */
  set requestInterruptWindow(on: boolean) {
    this.#view.setUint8(requestWindowAt, on ? 1 : 0);
  }

  /** Whether the guest could take an interrupt at the last exit. Complete the exit first (HOSTS.md). */
  get readyForInterrupt(): boolean {
    return this.#view.getUint8(readyAt) !== 0;
  }

  /** RFLAGS.IF at the last exit. */
  get ifFlag(): boolean {
    return this.#view.getUint8(ifFlagAt) !== 0;
  }

  /** CR8, the task priority; in and out. */
  get cr8(): number {
    return this.#view.getUint32(cr8At, true);
  }
  set cr8(value: number) {
    this.#view.setUint32(cr8At, value, true);
  }

  /** The APIC base MSR; in and out. */
  get apicBase(): bigint {
    return kvmRun.get(this.#view, "apic_base");
  }
  set apicBase(value: bigint) {
    kvmRun.set(this.#view, "apic_base", value);
  }

  /** From the next exit on, sync these registers: KVM_SYNC_X86_... bits (KVM_CAP_SYNC_REGS). */
  enableSyncRegs(mask: number): void {
    kvmRun.set(this.#view, "kvm_valid_regs", BigInt(mask));
  }

  /** At the next entry, take these registers from the synced ones: KVM_SYNC_X86_... bits. */
  markSyncedDirty(mask: number): void {
    kvmRun.set(this.#view, "kvm_dirty_regs", BigInt(mask));
  }

  /** Why the vCPU came back. The object is good until the next call. */
  exit(): Exit {
    const reason = this.#view.getUint32(exitReasonAt, true);
    switch (reason) {
      case kvmExits.KVM_EXIT_IO:
        return this.#decodeIo();
      case kvmExits.KVM_EXIT_MMIO:
        return this.#decodeMmio();
      case kvmExits.KVM_EXIT_HLT:
        return hlt;
      case kvmExits.KVM_EXIT_IRQ_WINDOW_OPEN:
        return irqWindow;
      case kvmExits.KVM_EXIT_SHUTDOWN:
        return shutdown;
      default:
        return this.#decodeRare(reason);
    }
  }

  /** Item `index` of an io exit, as an unsigned number. */
  readIo({ width, dataOffset }: IoExit, index = 0): number {
    const at = dataOffset + index * width;
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** Answers item `index` of an io exit that reads. */
  writeIo({ width, dataOffset }: IoExit, value: number, index = 0): void {
    const at = dataOffset + index * width;
    if (width === 1) this.#view.setUint8(at, value);
    else if (width === 2) this.#view.setUint16(at, value, true);
    else this.#view.setUint32(at, value, true);
  }

  /** What an mmio exit writes, as an unsigned number; of more than 4 bytes the lower 4. */
  readMmio({ width }: MmioExit): number {
    const low = this.#view.getUint32(mmioDataAt, true);
    return width >= 4 ? low : low & ((1 << (8 * width)) - 1);
  }

  /** Answers an mmio exit that reads: the lower 4 bytes, and the upper ones for a wider access. */
  writeMmio(low: number, high = 0): void {
    this.#view.setUint32(mmioDataAt, low, true);
    this.#view.setUint32(mmioDataAt + 4, high, true);
  }

  /** Answers an rdmsr exit with a value, or lets a wrmsr exit succeed. */
  acceptMsr(value = 0n): void {
    kvmRun.set(this.#view, "u.msr.data", value);
    kvmRun.set(this.#view, "u.msr.error", 0);
  }

  /** Answers an rdmsr or wrmsr exit with #GP. */
  refuseMsr(): void {
    kvmRun.set(this.#view, "u.msr.error", 1);
  }

  #decodeIo(): IoExit {
    const view = this.#view;
    const io = this.#io;
    io.port = view.getUint16(ioPortAt, true);
    io.width = view.getUint8(ioSizeAt) as IoExit["width"];
    io.count = view.getUint32(ioCountAt, true);
    io.isWrite = view.getUint8(ioDirectionAt) === kvmFlags.KVM_EXIT_IO_OUT;
    io.dataOffset = view.getUint32(ioDataOffsetAt, true);
    return io;
  }

  #decodeMmio(): MmioExit {
    const view = this.#view;
    const mmio = this.#mmio;
    mmio.address = view.getUint32(mmioAddressAt, true) +
      view.getUint32(mmioAddressAt + 4, true) * 0x1_0000_0000;
    mmio.width = view.getUint32(mmioLengthAt, true);
    mmio.isWrite = view.getUint8(mmioIsWriteAt) !== 0;
    return mmio;
  }

  #decodeRare(reason: number): Exit {
    const view = this.#view;
    switch (reason) {
      case kvmExits.KVM_EXIT_X86_RDMSR:
      case kvmExits.KVM_EXIT_X86_WRMSR:
        return {
          kind: reason === kvmExits.KVM_EXIT_X86_RDMSR ? "rdmsr" : "wrmsr",
          index: kvmRun.get(view, "u.msr.index"),
          reason: kvmRun.get(view, "u.msr.reason"),
          value: kvmRun.get(view, "u.msr.data"),
        };
      case kvmExits.KVM_EXIT_FAIL_ENTRY:
        return {
          kind: "fail-entry",
          reason: kvmRun.get(view, "u.fail_entry.hardware_entry_failure_reason"),
          cpu: kvmRun.get(view, "u.fail_entry.cpu"),
        };
      case kvmExits.KVM_EXIT_INTERNAL_ERROR: {
        const length = Math.min(kvmRun.get(view, "u.internal.ndata"), maxInternalData);
        const data = Array.from({ length }, (_, i) => kvmRun.get(view, `u.internal.data.${i}`));
        return { kind: "internal-error", suberror: kvmRun.get(view, "u.internal.suberror"), data };
      }
      case kvmExits.KVM_EXIT_SYSTEM_EVENT:
        return { kind: "system-event", type: kvmRun.get(view, "u.system_event.type") };
      case kvmExits.KVM_EXIT_DEBUG:
        return {
          kind: "debug",
          exception: kvmRun.get(view, "u.debug.arch.exception"),
          pc: kvmRun.get(view, "u.debug.arch.pc"),
          dr6: kvmRun.get(view, "u.debug.arch.dr6"),
          dr7: kvmRun.get(view, "u.debug.arch.dr7"),
        };
      default:
        return { kind: "unknown", reason };
    }
  }
}
