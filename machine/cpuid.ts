/**
 * The one CPUID table that every machine has, whatever its host: part of the machine's identity.
 *
 * It offers x86-64's first level and nothing that would let a run depend on its host: no TSC, RDRAND,
 * RDSEED, XSAVE, APIC, kvmclock; nor CMPXCHG16B and POPCNT, which some hosts can't emulate in ring 0
 * (docs/DETERMINISM.md). The vendor is our own, so that no guest applies a vendor's model-specific
 * knowledge, and MSRs, to a processor that is none of that vendor's.
 *
 * Source: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
 */
import { UnavailableError } from "../base/errors.ts";
import type { CpuidEntry } from "../ffi/cpuid.ts";

const bits = (...positions: number[]): number =>
  positions.reduce((mask, position) => mask | (1 << position), 0) >>> 0;

/** Leaf 1, EDX. */
const FEATURES = bits(
  0, // FPU
  2, // DE
  3, // PSE
  5, // MSR
  6, // PAE
  8, // CX8
  11, // SEP
  13, // PGE
  15, // CMOV
  16, // PAT
  19, // CLFSH
  23, // MMX
  24, // FXSR
  25, // SSE
  26, // SSE2
);
/** Leaf 1, ECX: this is a virtual machine. */
const HYPERVISOR = bits(31);
/** Leaf 0x8000_0001, EDX. */
const EXTENDED_FEATURES = bits(
  11, // SYSCALL
  20, // NX
  29, // long mode
);
/** Leaf 1, EBX: CLFLUSH works on 8 × 8 bytes. */
const CLFLUSH_SIZE = 8 << 8;
/** Family 6, model 15, stepping 1: what a generic 64-bit kernel expects of no one in particular. */
const SIGNATURE = 0x6f1;
/** 36 physical and 48 linear address bits. */
const ADDRESS_BITS = (48 << 8) | 36;

const VENDOR = registersOf("UnderstudyVM");
const BRAND = registersOf("Understudy virtual processor".padEnd(48, "\0"));

/** The table. */
export const CPUID_TABLE: readonly CpuidEntry[] = [
  entry(0, 1, VENDOR[0]!, VENDOR[2]!, VENDOR[1]!),
  entry(1, SIGNATURE, CLFLUSH_SIZE, HYPERVISOR, FEATURES),
  entry(0x4000_0000, 0x4000_0000, VENDOR[0]!, VENDOR[1]!, VENDOR[2]!),
  entry(0x8000_0000, 0x8000_0008, VENDOR[0]!, VENDOR[2]!, VENDOR[1]!),
  entry(0x8000_0001, SIGNATURE, 0, 0, EXTENDED_FEATURES),
  entry(0x8000_0002, BRAND[0]!, BRAND[1]!, BRAND[2]!, BRAND[3]!),
  entry(0x8000_0003, BRAND[4]!, BRAND[5]!, BRAND[6]!, BRAND[7]!),
  entry(0x8000_0004, BRAND[8]!, BRAND[9]!, BRAND[10]!, BRAND[11]!),
  entry(0x8000_0008, ADDRESS_BITS, 0, 0, 0),
];

/**
 * Checks that a host has all that the table promises.
 * @param supported KVM's answer to KVM_GET_SUPPORTED_CPUID
 * @throws UnavailableError naming the missing bits
 */
export function checkHostCpuid(supported: readonly CpuidEntry[]): void {
  for (const [leaf, wanted] of [[1, FEATURES], [0x8000_0001, EXTENDED_FEATURES]] as const) {
    const offered = supported.find((row) => row.function === leaf)?.edx ?? 0;
    const missing = (wanted & ~offered) >>> 0;
    if (missing !== 0) {
      throw new UnavailableError(
        `this host's KVM lacks processor features that every machine has: CPUID leaf 0x${
          leaf.toString(16)
        }, EDX bits 0x${missing.toString(16)}`,
      );
    }
  }
}

function entry(leaf: number, eax: number, ebx: number, ecx: number, edx: number): CpuidEntry {
  return { function: leaf, index: 0, flags: 0, eax, ebx, ecx, edx };
}

/** Text as CPUID gives it: four characters a register, little endian. */
function registersOf(text: string): number[] {
  const view = new DataView(new TextEncoder().encode(text).buffer);
  return Array.from({ length: text.length / 4 }, (_, index) => view.getUint32(index * 4, true));
}
