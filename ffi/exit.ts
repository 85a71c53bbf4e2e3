/**
 * Why the vCPU came back: one variant for each exit reason that this project tells apart.
 *
 * Made by RunArea, served by machine/'s vCPU loop.
 */

/** IN or OUT, string forms included: `count` items of `width` bytes in the run area's io data. */
export interface IoExit {
  /** Which variant this is. */
  readonly kind: "io";
  /** The first port. */
  readonly port: number;
  /** Of an item, in bytes. */
  readonly width: 1 | 2 | 4;
  /** Items; more than 1 for INS and OUTS. */
  readonly count: number;
  /** Whether the guest writes; else it waits for our answer. */
  readonly isWrite: boolean;
  /** Where the data is, in bytes from the start of kvm_run. */
  readonly dataOffset: number;
}

/** An access to guest-physical memory that has nothing behind it. */
export interface MmioExit {
  /** Which variant this is. */
  readonly kind: "mmio";
  /** Guest-physical. x86 has at most 52 bits, so that a number is exact. */
  readonly address: number;
  /** 1 to 8 bytes; not only powers of two, where an access crosses a page. */
  readonly width: number;
  /** Whether the guest writes; else it waits for our answer. */
  readonly isWrite: boolean;
  /** The 8 bytes of `kvm_run.mmio.data`, of which `width` count: what is written, or to be read. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** RDMSR or WRMSR of an MSR that the filter denies or KVM does not know. */
export interface MsrExit {
  /** Which variant this is. */
  readonly kind: "rdmsr" | "wrmsr";
  /** Which MSR. */
  readonly index: number;
  /** KVM_MSR_EXIT_REASON_... */
  readonly reason: number;
  /** What WRMSR writes; meaningless for RDMSR. */
  readonly value: bigint;
}

/** The reasons that carry nothing. */
export interface PlainExit {
  /** `irq-window`: the guest can take an interrupt now. `shutdown`: it met a triple fault. */
  readonly kind: "hlt" | "irq-window" | "shutdown";
}

/** The guest can't be entered in the state that it is in. */
export interface FailEntryExit {
  /** Which variant this is. */
  readonly kind: "fail-entry";
  /** Vendor's code. */
  readonly reason: bigint;
  /** The host's CPU that it was tried on. */
  readonly cpu: number;
}

/** KVM gave up. */
export interface InternalErrorExit {
  /** Which variant this is. */
  readonly kind: "internal-error";
  /** KVM_INTERNAL_ERROR_...; 1 is an instruction that KVM can't emulate. */
  readonly suberror: number;
  /** At most 16 words; for a failed emulation flags, then the instruction's length and bytes. */
  readonly data: readonly bigint[];
}

/** The guest asked for a shutdown or a reset in a way that KVM serves. */
export interface SystemEventExit {
  /** Which variant this is. */
  readonly kind: "system-event";
  /** KVM_SYSTEM_EVENT_... */
  readonly type: number;
}

/** A breakpoint or a single step (Vcpu.setGuestDebug). */
export interface DebugExit {
  /** Which variant this is. */
  readonly kind: "debug";
  /** Its vector: 1 (#DB) or 3 (#BP). */
  readonly exception: number;
  /** Linear address of the instruction. */
  readonly pc: bigint;
  /** Why: DR6. */
  readonly dr6: bigint;
  /** What was armed: DR7. */
  readonly dr7: bigint;
}

/** A reason that this project does not expect. */
export interface UnknownExit {
  /** Which variant this is. */
  readonly kind: "unknown";
  /** KVM_EXIT_... */
  readonly reason: number;
}

/** Why the vCPU came back. */
export type Exit =
  | IoExit
  | MmioExit
  | MsrExit
  | PlainExit
  | FailEntryExit
  | InternalErrorExit
  | SystemEventExit
  | DebugExit
  | UnknownExit;
