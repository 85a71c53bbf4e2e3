/**
 * The MSRs of the machine: which the guest may touch, which are state, and what the rest answer.
 *
 * KVM serves only what is listed here; every other access comes out as an exit (KVM_X86_SET_MSR_FILTER
 * with userspace exits), so that no counter of the host, the TSC above all, leaks into the guest.
 *
 * Source: Intel SDM volume 4; Linux `Documentation/virt/kvm/api.rst`, 4.97.
 */

/** Time stamp counter: answered from the machine's clock, 1000 counts to the microsecond. */
export const MSR_TSC = 0x10;
/** What MSR_TSC counts in a microsecond. */
export const TSC_COUNTS_PER_US = 1000;

/** MSRs that KVM serves and that belong to the vCPU's state. */
export const STATE_MSRS: readonly { readonly index: number; readonly name: string }[] = [
  { index: 0x174, name: "sysenter_cs" },
  { index: 0x175, name: "sysenter_esp" },
  { index: 0x176, name: "sysenter_eip" },
  { index: 0x277, name: "pat" },
  { index: 0xc000_0081, name: "star" },
  { index: 0xc000_0082, name: "lstar" },
  { index: 0xc000_0083, name: "cstar" },
  { index: 0xc000_0084, name: "sfmask" },
  { index: 0xc000_0102, name: "kernel_gs_base" },
];

/** MSRs that KVM serves and that SREGS carries. */
const SREGS_MSRS = [
  0xc000_0080, // EFER
  0xc000_0100, // FS_BASE
  0xc000_0101, // GS_BASE
];

/** Ranges for the MSR filter: all that is not in them exits. */
export function allowedMsrs(): { base: number; count: number; bitmap: Uint8Array<ArrayBuffer> }[] {
  const allowed = [...STATE_MSRS.map(({ index }) => index), ...SREGS_MSRS];
  return [0x0, 0xc000_0000].map((base) => {
    const count = 0x400;
    const bitmap = new Uint8Array(count / 8);
    for (const index of allowed) {
      const bit = index - base;
      if (bit >= 0 && bit < count) bitmap[bit >>> 3]! |= 1 << (bit & 7);
    }
    return { base, count, bitmap };
  });
}
