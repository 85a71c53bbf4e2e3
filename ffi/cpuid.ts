/**
 * CPUID tables as KVM takes and gives them: `struct kvm_cpuid2` and its entries.
 *
 * Called by Kvm and Vcpu; machine/ makes the guest's fixed table from {@link CpuidEntry}s.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/layout.ts";
import { kvmCpuid2, kvmCpuidEntry2 } from "./kvm_structs.ts";

/** What CPUID answers for one EAX (`function`) and, if the flags say so, ECX (`index`). */
export interface CpuidEntry {
  /** The EAX that it answers. */
  readonly function: number;
  /** The ECX that it answers. */
  readonly index: number;
  /** KVM_CPUID_FLAG_...: bit 0 says that `index` counts. */
  readonly flags: number;
  /** What EAX becomes. */
  readonly eax: number;
  /** What EBX becomes. */
  readonly ebx: number;
  /** What ECX becomes. */
  readonly ecx: number;
  /** What EDX becomes. */
  readonly edx: number;
}

/** The kernel's KVM_MAX_CPUID_ENTRIES: no table is longer. */
export const maxCpuidEntries = 256;

const registers = ["function", "index", "flags", "eax", "ebx", "ecx", "edx"] as const;

/** A `kvm_cpuid2` with room for the longest table, for KVM to fill. */
export function emptyCpuid(): Bytes {
  const bytes = new Uint8Array(kvmCpuid2.size + maxCpuidEntries * kvmCpuidEntry2.size);
  kvmCpuid2.set(kvmCpuid2.view(bytes), "nent", maxCpuidEntries);
  return bytes;
}

/** `entries` as a `kvm_cpuid2`. */
export function encodeCpuid(entries: readonly CpuidEntry[]): Bytes {
  const { length } = entries;
  assert(length <= maxCpuidEntries, `${length} CPUID entries, at most ${maxCpuidEntries}`);
  const bytes = new Uint8Array(kvmCpuid2.size + length * kvmCpuidEntry2.size);
  kvmCpuid2.set(kvmCpuid2.view(bytes), "nent", length);
  entries.forEach((entry, i) => {
    const view = kvmCpuidEntry2.view(bytes, kvmCpuid2.size + i * kvmCpuidEntry2.size);
    for (const name of registers) kvmCpuidEntry2.set(view, name, entry[name]);
  });
  return bytes;
}

/** The entries of a `kvm_cpuid2` that KVM has filled. */
export function decodeCpuid(bytes: Bytes): CpuidEntry[] {
  const length = kvmCpuid2.get(kvmCpuid2.view(bytes), "nent");
  return Array.from({ length }, (_, i) => {
    const view = kvmCpuidEntry2.view(bytes, kvmCpuid2.size + i * kvmCpuidEntry2.size);
    const values = registers.map((name) => [name, kvmCpuidEntry2.get(view, name)]);
    return Object.fromEntries(values) as CpuidEntry;
  });
}
