/**
 * Probes of what hosts differ in: how fast, and how faithfully to the processor's manual, a guest runs.
 * Bundled guests do without all of this; other guests may not.
 *
 * Called by doctor.ts.
 */
import { GuestError } from "../base/errors.ts";
import { HostClock } from "../ffi/host_clock.ts";
import { kvmFlags } from "../ffi/kvm_numbers.ts";
import { kvmRegs } from "../ffi/kvm_structs.ts";
import { CPUID_TABLE } from "./cpuid.ts";
import { CODE, machineCode, Port } from "./doctor_boot.ts";
import type { Probe } from "./doctor_check.ts";
import { type GuestPlan, type Lab, ProbeGuest } from "./doctor_guest.ts";

/** Ring 0 and ring 3 of a processor run equally fast; what is beyond this is interpreted. */
const INTERPRETED_RATIO = 8;
/** A loop that took so long is long against the exit that ends it. */
const LONG_ENOUGH_NS = 4e6;
const FIRST_ITERATIONS = 10_000;
const MOST_ITERATIONS = 2 ** 30;
const INSTRUCTIONS_PER_ITERATION = 2;

const CR4_TSD = 1n << 2n;
const EFER_SCE = 1n;
const GENERAL_PROTECTION = 13;
const CPUID_1_EDX_APIC = 1 << 9;
const MSR_STAR = 0xc000_0081;
const MSR_LSTAR = 0xc000_0082;
const MSR_SFMASK = 0xc000_0084;

/** An exit that takes longer is one of an emulated host: others take 2 to 40 µs. */
const SLOW_EXIT_US = 60;

const exitCost: Probe<Lab> = {
  name: "exits",
  required: false,
  without: "how fast devices are is not known",
  examine(lab) {
    const [batches, exits] = [10, 20];
    const code = machineCode("e6 10", "eb fc"); // out mark, al; jmp -4
    using guest = new ProbeGuest(lab, { mode: "ring3", code });
    guest.nextIo(Port.mark);
    // The best of some batches: the others were interrupted.
    const us = Math.min(...Array.from({ length: batches }, () => {
      const clock = new HostClock();
      for (let i = 0; i < exits; i++) guest.nextIo(Port.mark);
      return clock.elapsedNs() / 1e3 / exits;
    }));
    const meaning = `a guest can do at most some ${roughly(1e6 / us)} device accesses a second`;
    return {
      finding: `${us.toFixed(0)} µs for an OUT in ring 3 and back`,
      ...(us < SLOW_EXIT_US ? { status: "good", meaning } : {
        status: "limited",
        meaning: `${meaning}: have bundled guests' clocks tick slower, by --cmdline hz=20`,
      }),
    };
  },
};

const ring0Speed: Probe<Lab> = {
  name: "ring 0 speed",
  required: false,
  without: "how fast a kernel runs is not known",
  examine(lab) {
    const [ring0, ring3] = [
      instructionsPerSecond(lab, "ring0"),
      instructionsPerSecond(lab, "ring3"),
    ];
    const ratio = ring3 / ring0;
    const speeds = `${roughly(ring0)} against ${roughly(ring3)} instructions/s`;
    if (ratio < INTERPRETED_RATIO) {
      return {
        finding: `native: ${speeds}`,
        status: "good",
        meaning: "kernels run as fast as programs",
      };
    }
    return {
      finding: `interpreted: ${roughly(ratio)} times slower than ring 3 (${speeds})`,
      status: "limited",
      meaning: "bundled guests compute in ring 3, at native speed; a kernel (Linux) crawls, and " +
        "instructions that the interpreter does not know end it",
    };
  },
};

const ports: Probe<Lab> = {
  name: "ports in ring 3",
  required: false,
  without: "can't be told: guests should set IOPL 3 and the TSS's permission map",
  examine(lab) {
    const byLevel = ring3MayOut(lab, "30", false);
    const byMap = ring3MayOut(lab, "00", true);
    if (byLevel && byMap) {
      return {
        finding: "allowed by IOPL 3 and by the TSS's permission map",
        status: "good",
        meaning: "programs that drive devices from ring 3 may use either",
      };
    }
    const only = byLevel ? "IOPL 3" : byMap ? "the TSS's permission map" : "both together";
    return {
      finding: `allowed by ${only} only`,
      status: "limited",
      meaning: "programs that drive devices from ring 3 must use that; bundled guests use both",
    };
  },
};

const rdtsc: Probe<Lab> = {
  name: "RDTSC in ring 3",
  required: false,
  without: "can't be told: treat it as not trapped",
  examine(lab) {
    const code = machineCode("0f 31", "e6 10"); // rdtsc; out mark, al
    using guest = new ProbeGuest(lab, { mode: "ring3", code, cr4: CR4_TSD });
    const exit = guest.next();
    if (guest.trapOf(exit) === GENERAL_PROTECTION) {
      return {
        finding: "trapped by CR4.TSD",
        status: "good",
        meaning: "guests whose ring 0 sets CR4.TSD can replay programs that read the TSC; RDTSC " +
          "in ring 0 is never trapped: such guests can't be protected yet",
      };
    }
    if (exit.kind !== "io") throw new GuestError(`RDTSC led to ${guest.show(exit)}`);
    return {
      finding: "not trapped by CR4.TSD",
      status: "limited",
      meaning: "guests that read the TSC diverge, are found by the digest, and would need " +
        "checkpoint mode, which is not built: they can't be protected yet; bundled guests never do",
    };
  },
};

const cpuid: Probe<Lab> = {
  name: "CPUID",
  required: false,
  without: "can't be told: use guests that do not ask (the bundled ones), or two hosts of one type",
  examine(lab) {
    const [ring0, ring3] = [wrongLeaves(lab, "ring0"), wrongLeaves(lab, "ring3")];
    if (ring0 + ring3 === 0) {
      return {
        finding: "ring 0 and ring 3 see the machine's own table",
        status: "good",
        meaning: "guests that ask for the processor replay on any host that shows the table too",
      };
    }
    return {
      finding:
        `of the machine's ${CPUID_TABLE.length} leaves, ${ring0} differ in ring 0, ${ring3} ` +
        "in ring 3",
      status: "limited",
      meaning:
        "guests that ask see this host's processor: protect them only with a backup on the " +
        "same type of host; bundled guests do not ask, and replay anywhere",
    };
  },
};

const syscall: Probe<Lab> = {
  name: "SYSCALL",
  required: false,
  without: "guests with a user space of their own (Linux) can't run: use bundled guests",
  examine(lab) {
    // syscall; entry: mov eax, cs; out mark, eax
    const code = machineCode("0f 05", "8c c8", "e7 10");
    using guest = new ProbeGuest(lab, { mode: "ring3", code, efer: EFER_SCE });
    guest.vcpu.setMsrs([
      { index: MSR_STAR, value: 0x13_0008n << 32n },
      { index: MSR_LSTAR, value: BigInt(CODE + 2) },
      { index: MSR_SFMASK, value: 0x200n },
    ]);
    const cs = guest.vcpu.readIo(guest.nextIo(Port.mark));
    const ring = cs & 3;
    if (ring !== 0) {
      return {
        finding: `lands at its entry, but in ring ${ring}`,
        status: "limited",
        meaning: "a stock Linux kernel boots, but its user space dies: use bundled guests",
      };
    }
    return {
      finding: "lands in ring 0",
      status: "good",
      meaning: "kernels with a user space (Linux) can run it; whether they can be replayed is " +
        "another question: see RDTSC",
    };
  },
};

const singleStep: Probe<Lab> = {
  name: "single step",
  required: false,
  without: "not needed: it would only help to find the first instruction that differs",
  examine(lab) {
    const [ring0, ring3] = [steps(lab, "ring0"), steps(lab, "ring3")];
    const show = (result: string) => result === "" ? "works" : `does not work, ${result}`;
    return {
      finding: `ring 0: ${show(ring0)}; ring 3: ${show(ring3)}`,
      status: ring0 + ring3 === "" ? "good" : "limited",
      meaning: this.without,
    };
  },
};

/** Probes of what some guests use. */
export const abilityProbes: readonly Probe<Lab>[] = [
  exitCost,
  ring0Speed,
  ports,
  rdtsc,
  cpuid,
  syscall,
  singleStep,
];

/**
 * Whether a kernel can let its ring 3 use ports by one means alone.
 * @param level bits 8 to 15 of ring 3's RFLAGS, in hexadecimal, without IF: IOPL
 * @param portMap whether the TSS's permission map allows them
 */
function ring3MayOut(lab: Lab, level: "00" | "30", portMap: boolean): boolean {
  const code = machineCode(
    "66 b8 28 00", // mov ax, TSS
    "0f 00 d8", // ltr ax
    "6a 1b", // push SS
    "68 00 c0 00 00", // push RSP
    `68 02 ${level} 00 00`, // push RFLAGS
    "6a 23", // push CS
    "68 1c 10 00 00", // push RIP
    "48 cf", // iretq
    "e6 10", // in ring 3: out mark, al
  );
  using guest = new ProbeGuest(lab, { mode: "ring0", code, portMap });
  return guest.trapOf(guest.next()) !== GENERAL_PROTECTION;
}

/** Times a loop that is made longer until it outweighs its exit. */
function instructionsPerSecond(lab: Lab, mode: GuestPlan["mode"]): number {
  // again: in eax, ask; mov ecx, eax; do: dec ecx; jnz do; out mark, al; jmp again
  const code = machineCode("e5 12", "89 c1", "ff c9", "75 fc", "e6 10", "eb f4");
  using guest = new ProbeGuest(lab, { mode, code });
  for (let iterations = FIRST_ITERATIONS;; iterations *= 8) {
    guest.answer(iterations);
    const clock = new HostClock();
    guest.nextIo(Port.mark);
    const elapsedNs = clock.elapsedNs();
    if (elapsedNs >= LONG_ENOUGH_NS || iterations * 8 > MOST_ITERATIONS) {
      return iterations * INSTRUCTIONS_PER_ITERATION / (elapsedNs / 1e9);
    }
  }
}

/** A number in two digits, as a person would say it. */
function roughly(value: number): string {
  const [scaled, word] = value >= 1e9
    ? [value / 1e9, " billion"]
    : value >= 1e6
    ? [value / 1e6, " million"]
    : [value, ""];
  return `${Number(scaled.toPrecision(2))}${word}`;
}

/** How many leaves CPUID answers otherwise than the machine's table. */
function wrongLeaves(lab: Lab, mode: GuestPlan["mode"]): number {
  // again: in eax, ask; xor ecx, ecx; cpuid; out mark, al; jmp again
  const code = machineCode("e5 12", "31 c9", "0f a2", "e6 10", "eb f6");
  using guest = new ProbeGuest(lab, { mode, code });
  return CPUID_TABLE.filter((leaf) => {
    guest.answer(leaf.function);
    guest.nextIo(Port.mark);
    const view = guest.registers();
    return (["eax", "ebx", "ecx", "edx"] as const).some((name) => {
      const value = Number(BigInt.asUintN(32, kvmRegs.get(view, `r${name.slice(1)}` as "rax")));
      // KVM sets the APIC's bit as the APIC base says, whatever the table has: alike on all hosts.
      const ignored = leaf.function === 1 && name === "edx" ? CPUID_1_EDX_APIC : 0;
      return ((value ^ leaf[name]) & ~ignored) !== 0;
    });
  }).length;
}

/** What comes of a single step over a NOP, if it is not what the manual says. */
function steps(lab: Lab, mode: GuestPlan["mode"]): string {
  const code = machineCode("90", "90", "e6 10"); // nop; nop; out mark, al
  using guest = new ProbeGuest(lab, { mode, code });
  guest.vcpu.setGuestDebug(kvmFlags.KVM_GUESTDBG_ENABLE | kvmFlags.KVM_GUESTDBG_SINGLESTEP);
  const exit = guest.next();
  if (exit.kind !== "debug") return guest.show(exit);
  return exit.pc === BigInt(CODE + 1) ? "" : "it stops in the guest's own handler";
}
