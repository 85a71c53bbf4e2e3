/**
 * Flips one bit of a machine's memory, registers or device fields, and says where: what the digest has
 * to find.
 *
 * A bit of memory is flipped the way in which our own code writes it, so that it is in the dirty set:
 * a replay that goes wrong goes wrong by a write, and the digest looks at what was written.
 */
import { PeerError } from "../../base/errors.ts";
import { kvmDebugregs, kvmRegs, kvmSregs } from "../../ffi/kvm_structs.ts";
import type { VcpuPart } from "../../ffi/vcpu.ts";
import type { Machine } from "../../machine/machine.ts";
import { STATE_MSRS } from "../../machine/msrs.ts";
import type { Random } from "./random.ts";

/** What a bit can be flipped in. */
export const FAULT_KINDS = ["memory", "registers", "devices"] as const;

/** One of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Flips a random bit; the machine has no instruction pending. @returns its place, as a digest calls it */
export function flipBit(machine: Machine, kind: FaultKind, random: Random): string {
  switch (kind) {
    case "memory":
      return flipMemory(machine, random);
    case "registers":
      return random.pick(REGISTERS).flip(machine, random);
    case "devices":
      return flipDevices(machine, random);
  }
}

function flipMemory({ memory }: Machine, random: Random): string {
  const page = random.below(memory.pages);
  const at = page * 4096 + random.below(4096);
  memory.write(at, Uint8Array.of(memory.bytes[at]! ^ (1 << random.below(8))));
  return `memory page 0x${page.toString(16)}`;
}

/** In the encoded state, where only a value of a field's range is taken: drawn until one is. */
function flipDevices({ board }: Machine, random: Random): string {
  const before = board.fields();
  for (;;) {
    const state = board.encode();
    const at = random.below(state.length);
    state[at]! ^= 1 << random.below(8);
    try {
      board.restore(state);
    } catch (error) {
      if (error instanceof PeerError) continue;
      throw error;
    }
    const after = board.fields();
    return after.find(({ value }, index) => value !== before[index]!.value)!.name;
  }
}

/** A register, and which of its bits KVM takes as they come. */
interface Register {
  flip(machine: Machine, random: Random): string;
}

/** Bits of a canonical address of the lower half. */
const ADDRESS_BITS = 47;
/** CF, PF, AF, ZF, SF, DF, OF: the rest of RFLAGS is not the guest's alone to set. */
const ARITHMETIC_FLAGS = [0, 2, 4, 6, 7, 10, 11];

const bits = (count: number) => Array.from({ length: count }, (_, bit) => bit);

/** A field of one of KVM's structs. */
function inPart(
  place: string,
  part: VcpuPart,
  offset: number,
  choices: readonly number[],
): Register {
  return {
    flip({ vcpu }, random) {
      const state = vcpu.get(part);
      if (part === "xsave") presentAll(state);
      const bit = random.pick(choices);
      state[offset + (bit >>> 3)]! ^= 1 << (bit & 7);
      vcpu.set(part, state);
      return place;
    },
  };
}

/** Says in the XSAVE area that x87 and SSE state are not the initial ones: its bytes count then. */
function presentAll(xsave: Uint8Array): void {
  xsave[512]! |= 3;
}

function msr({ index, name }: (typeof STATE_MSRS)[number], width: number): Register {
  return {
    flip({ vcpu }, random) {
      const { value } = vcpu.getMsrs([index])[0]!;
      vcpu.setMsrs([{ index, value: value ^ (1n << BigInt(random.below(width))) }]);
      return `msr.${name}`;
    },
  };
}

function general(): Register[] {
  return [...kvmRegs.leaves()].map(({ path, offset }) => {
    const choices = path === "rflags" ? ARITHMETIC_FLAGS : bits(path === "rip" ? ADDRESS_BITS : 64);
    return inPart(`regs.${path}`, "regs", offset, choices);
  });
}

function addresses(): Register[] {
  const at = (layout: { offset(path: never): number }, path: string) =>
    layout.offset(path as never);
  return [
    ...["fs.base", "gs.base", "cr2"].map((path) =>
      inPart(`sregs.${path}`, "sregs", at(kvmSregs, path), bits(ADDRESS_BITS))
    ),
    ...bits(4).map((index) =>
      inPart(`debug.db.${index}`, "debugregs", at(kvmDebugregs, `db.${index}`), bits(ADDRESS_BITS))
    ),
  ];
}

/** Offsets in the XSAVE area: SDM volume 1, 13.4.1 and 13.4.2. */
function floating(): Register[] {
  const registers = [
    inPart("fpu.fsw", "xsave", 2, bits(16)),
    inPart("fpu.ftw", "xsave", 4, bits(8)),
    inPart("fpu.mxcsr", "xsave", 24, bits(16)),
  ];
  for (const index of bits(8)) {
    const at = 32 + 16 * index;
    registers.push(inPart(`fpu.st${index}.mantissa`, "xsave", at, bits(64)));
    registers.push(inPart(`fpu.st${index}.exponent`, "xsave", at + 8, bits(16)));
  }
  for (const index of bits(16)) {
    const at = 160 + 16 * index;
    registers.push(inPart(`fpu.xmm${index}.low`, "xsave", at, bits(64)));
    registers.push(inPart(`fpu.xmm${index}.high`, "xsave", at + 8, bits(64)));
  }
  return registers;
}

const REGISTERS: readonly Register[] = [
  ...general(),
  ...addresses(),
  ...floating(),
  ...STATE_MSRS.filter(({ name }) => name !== "pat").map((each) => msr(each, 32)),
];
