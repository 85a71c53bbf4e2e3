/**
 * What KVM says about itself: capabilities and processor features, without a guest.
 *
 * Called by doctor.ts.
 */
import type { Kvm } from "../ffi/kvm.ts";
import { kvmCaps, kvmFlags } from "../ffi/kvm_numbers.ts";
import { checkHostCpuid, CPUID_TABLE } from "./cpuid.ts";
import type { Probe } from "./doctor_check.ts";

/** The capabilities that every machine needs, each with what it is for and the Linux that brought it. */
const NEEDED = {
  KVM_CAP_USER_MEMORY: "guest memory, 2.6.24",
  KVM_CAP_SET_TSS_ADDR: "real mode on Intel, 2.6.24",
  KVM_CAP_EXT_CPUID: "the CPUID table, 2.6.25",
  KVM_CAP_MP_STATE: "state transfers, 2.6.26",
  KVM_CAP_VCPU_EVENTS: "state transfers, 2.6.33",
  KVM_CAP_DEBUGREGS: "state transfers, 2.6.35",
  KVM_CAP_XSAVE: "state transfers, 2.6.36",
  KVM_CAP_XCRS: "state transfers, 2.6.36",
  KVM_CAP_IMMEDIATE_EXIT: "completing an instruction, 4.11",
  KVM_CAP_SYNC_REGS: "registers at each exit, 4.17",
  KVM_CAP_X86_USER_SPACE_MSR: "MSR exits, 5.10",
  KVM_CAP_X86_MSR_FILTER: "MSR exits, 5.10",
} as const satisfies Partial<Record<keyof typeof kvmCaps, string>>;

/** KVM_CAP_PMU_CAPABILITY of <linux/kvm.h>: not 0 if guests can have performance counters. */
const KVM_CAP_PMU_CAPABILITY = 212;

const capabilities: Probe<Kvm> = {
  name: "capabilities",
  required: true,
  without: "no guest can run: install a newer kernel; Linux 5.10 has all of them",
  examine(kvm) {
    const names = Object.keys(NEEDED) as (keyof typeof NEEDED)[];
    const lacking = names.filter((name) => kvm.checkExtension(kvmCaps[name]) === 0)
      .map((name) => `${name} (${NEEDED[name]})`);
    if (lacking.length > 0) throw new Error(`KVM lacks ${lacking.join(", ")}`);
    const sync = kvm.checkExtension(kvmCaps.KVM_CAP_SYNC_REGS);
    if ((sync & kvmFlags.KVM_SYNC_X86_REGS) === 0) {
      throw new Error(`KVM_CAP_SYNC_REGS is ${sync}, without the general registers`);
    }
    return {
      finding: `all ${names.length} that a machine needs; SYNC_REGS ${sync}`,
      status: "good",
      meaning: "recording, replay and state transfers have what they need of KVM",
    };
  },
};

const processorFeatures: Probe<Kvm> = {
  name: "processor features",
  required: true,
  without: "no guest can run: every machine has the same processor, and this host can't show it",
  examine(kvm) {
    checkHostCpuid(kvm.supportedCpuid());
    return {
      finding: `all that the machine's CPUID table (${CPUID_TABLE.length} leaves) promises`,
      status: "good",
      meaning: "a machine from another host finds the same processor here",
    };
  },
};

const tscScaling: Probe<Kvm> = {
  name: "TSC scaling",
  required: false,
  without: "not needed: guests get their time from log events; it would only help a guest that " +
    "reads the TSC itself, which can't be protected yet",
  examine(kvm) {
    if (kvm.checkExtension(kvmCaps.KVM_CAP_TSC_CONTROL) === 0) {
      return { finding: "none", status: "missing", meaning: this.without };
    }
    return { finding: "offered", status: "good", meaning: "not needed, and not used" };
  },
};

const performanceCounters: Probe<Kvm> = {
  name: "performance counters",
  required: false,
  without: "not needed: execution points are counted by exits, not by instructions",
  examine(kvm) {
    const offered = kvm.checkExtension(KVM_CAP_PMU_CAPABILITY) !== 0;
    return {
      finding: offered ? "KVM can give guests some" : "KVM gives guests none",
      status: offered ? "good" : "missing",
      meaning: this.without,
    };
  },
};

/** Probes that every guest depends on. */
export const kvmBasics: readonly Probe<Kvm>[] = [capabilities, processorFeatures];
/** Probes of what some guests would use. */
export const kvmExtras: readonly Probe<Kvm>[] = [tscScaling, performanceCounters];
