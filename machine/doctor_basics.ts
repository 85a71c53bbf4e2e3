/**
 * Probes of what every machine is built on: a tiny guest for each, which does that one thing.
 *
 * The first one shows that a guest which does not come back can be stopped. Only then are others run:
 * see doctor.ts, which calls this.
 */
import { GuestError } from "../base/errors.ts";
import { HostClock } from "../ffi/host_clock.ts";
import { kvmCaps, kvmFlags } from "../ffi/kvm_numbers.ts";
import { kvmRegs } from "../ffi/kvm_structs.ts";
import type { Vm } from "../ffi/vm.ts";
import { INTERRUPT_VECTOR, machineCode, Port, PROBE_MEMORY_BYTES, SCRATCH } from "./doctor_boot.ts";
import type { Finding, Probe } from "./doctor_check.ts";
import { type Lab, ProbeGuest } from "./doctor_guest.ts";
import { PAGE_BYTES } from "./memory_map.ts";
import { allowedMsrs, MSR_TSC } from "./msrs.ts";
import { applyVcpu, captureVcpu, VCPU_STATE_BYTES } from "./vcpu_state.ts";

const good = (finding: string, meaning: string): Finding => ({ finding, status: "good", meaning });

/** `out mark, al` for ever. */
const markForEver = machineCode("e6 10", "eb fc");

/** Stops a guest that would go on for about a second: long against the bound, yet it ends by itself. */
export const kickProbe: Probe<Lab> = {
  name: "kick",
  required: true,
  without:
    "no guest can run: one that computes without an exit could not be stopped, neither for a " +
    "state transfer nor at the end",
  examine(lab) {
    const boundMs = 2;
    const spin = machineCode("b9 00 00 00 80", "ff c9", "75 fc"); // mov ecx, 2^31; dec ecx; jnz -4
    const code = Uint8Array.from([...spin, ...markForEver]);
    using guest = new ProbeGuest(lab, { mode: "ring3", code });
    const clock = new HostClock();
    if (guest.runFor(boundMs)) {
      throw new Error(`the guest was not stopped: ${guest.show(guest.vcpu.exit())}`);
    }
    const tookMs = clock.elapsedNs() / 1e6;
    return good(
      `a spinning guest stopped after ${tookMs.toFixed(1)} ms, asked for ${boundMs}`,
      "guests that compute for a long time can be stopped anywhere",
    );
  },
};

const realMode: Probe<Lab> = {
  name: "real mode",
  required: true,
  without: "no guest can run: see dmesg for what KVM says",
  examine(lab) {
    // mov al, 0x5a; out mark, al; in al, ask; out mark, al; hlt
    const code = machineCode("b0 5a", "e6 10", "e4 12", "e6 10", "f4");
    using guest = new ProbeGuest(lab, { mode: "real", code });
    expectValue(guest, 0x5a);
    guest.answer(0x7b);
    expectValue(guest, 0x7b);
    guest.nextKind("hlt");
    return good("OUT, IN and HLT come out as exits", "guests start");
  },
};

const ring3: Probe<Lab> = {
  name: "ring 3",
  required: true,
  without: "no bundled guest can run: their payload lives in ring 3 of long mode",
  examine(lab) {
    using guest = new ProbeGuest(lab, {
      mode: "ring3",
      // mov al, 1; out mark, al; int3; mov al, 2; out mark, al
      code: machineCode("b0 01", "e6 10", "cc", "b0 02", "e6 10"),
      handlers: { 3: machineCode("b0 03", "e6 10", "48 cf") }, // mov al, 3; out mark, al; iretq
    });
    for (const value of [1, 3, 2]) expectValue(guest, value);
    return good(
      "64-bit code does OUT, calls ring 0 by INT3, and returns",
      "bundled guests can run their payload in ring 3",
    );
  },
};

const interrupts: Probe<Lab> = {
  name: "interrupts",
  required: true,
  without: "no guest can run: none would have a timer or console input",
  examine(lab) {
    using user = new ProbeGuest(lab, { mode: "ring3", code: markForEver });
    user.nextIo(Port.mark);
    user.inject();
    expectInterrupt(user);
    user.nextIo(Port.mark);
    // out mark, al; sti; nop; jmp $: without an exit, so that only the window can end it
    const code = machineCode("e6 10", "fb", "90", "eb fe");
    using kernel = new ProbeGuest(lab, { mode: "ring0", code });
    kernel.nextIo(Port.mark);
    kernel.complete();
    if (kernel.vcpu.readyForInterrupt) throw new Error("KVM takes interrupts while RFLAGS.IF is 0");
    kernel.vcpu.requestInterruptWindow = true;
    kernel.nextKind("irq-window");
    kernel.vcpu.requestInterruptWindow = false;
    kernel.inject();
    expectInterrupt(kernel);
    return good(
      "injected at an exit of ring 3, and into ring 0 as soon as it takes them",
      "timers and console input reach guests, at the execution point that we choose",
    );
  },
};

const idle: Probe<Lab> = {
  name: "idle",
  required: true,
  without: "no guest can run: an idle one could neither be seen nor woken",
  examine(lab) {
    using guest = new ProbeGuest(lab, {
      mode: "ring3",
      code: Uint8Array.from([...machineCode("cc"), ...markForEver]), // int3: the idle trap
      handlers: { 3: machineCode("fb", "f4", "fa", "48 cf") }, // sti; hlt; cli; iretq
    });
    guest.nextKind("hlt");
    guest.inject();
    expectInterrupt(guest);
    guest.nextIo(Port.mark);
    return good("HLT is an exit, an interrupt ends it", "an idle guest costs no processor time");
  },
};

const msrExits: Probe<Lab> = {
  name: "MSR exits",
  required: true,
  without: "no guest can run: the host's time stamp counter would leak into it by RDMSR",
  examine(lab) {
    // mov ecx, MSR_TSC; rdmsr; out mark, eax
    const code = machineCode("b9 10 00 00 00", "0f 32", "e7 10");
    using guest = new ProbeGuest(lab, { mode: "ring0", code, prepare: filterMsrs });
    const exit = guest.next();
    if (exit.kind !== "rdmsr" || exit.index !== MSR_TSC) {
      throw new GuestError(`RDMSR of the TSC gave ${guest.show(exit)}, expected an exit`);
    }
    guest.vcpu.acceptMsr(0x1234_5678n);
    expectValue(guest, 0x1234_5678);
    return good(
      "RDMSR of the TSC is an exit, and our answer arrives",
      "a guest that reads the TSC as an MSR gets the machine's clock",
    );
  },
};

const dirtyLog: Probe<Lab> = {
  name: "dirty log",
  required: true,
  without: "no guest can run: state transfers and digests would miss what it wrote",
  examine(lab) {
    const page = SCRATCH / PAGE_BYTES;
    // mov byte [SCRATCH], 1; out mark, al
    const code = machineCode("c6 04 25 00 90 00 00 01", "e6 10");
    using guest = new ProbeGuest(lab, { mode: "ring3", code });
    const bitmap = new Uint8Array(PROBE_MEMORY_BYTES / PAGE_BYTES / 8 + 7 & ~7);
    guest.vm.getDirtyLog(0, bitmap);
    guest.nextIo(Port.mark);
    guest.vm.getDirtyLog(0, bitmap);
    const pages = Array.from({ length: PROBE_MEMORY_BYTES / PAGE_BYTES }, (_, i) => i)
      .filter((i) => (bitmap[i >>> 3]! >>> (i & 7) & 1) === 1);
    if (!pages.includes(page)) throw new Error(`page ${page} was written, the log has [${pages}]`);
    const others = pages.length - 1;
    return good(
      `has the page that was written${others === 0 ? ", and no other" : `, and ${others} more`}`,
      "state transfers send only what changed",
    );
  },
};

const stateTransfer: Probe<Lab> = {
  name: "state transfer",
  required: true,
  without: "no guest can be protected: its state can't be moved into another machine",
  examine(lab) {
    // again: mov ecx, 2^20; do: imul r12, r12, 31; add r12, rcx; movq xmm1, r12; paddq xmm0, xmm1;
    // dec ecx; jnz do; movq rax, xmm0; add r12, rax; out mark, al; jmp again
    const step = ["4d 6b e4 1f", "49 01 cc", "66 49 0f 6e cc", "66 0f d4 c1", "ff c9", "75 ec"];
    const sum = ["66 48 0f 7e c0", "49 01 c4", "e6 10", "eb db"];
    const plan = { mode: "ring3", code: machineCode("b9 00 00 10 00", ...step, ...sum) } as const;
    using original = new ProbeGuest(lab, plan);
    const anywhere = original.runFor(1) ? "at an exit" : "in mid-computation";
    original.complete();
    using copy = new ProbeGuest(lab, plan);
    copy.memory.bytes.set(original.memory.bytes);
    applyVcpu(copy.vcpu, captureVcpu(original.vcpu));
    const [expected, got] = [original, copy].map((guest) => {
      guest.nextIo(Port.mark);
      return kvmRegs.get(guest.registers(), "r12");
    });
    if (expected !== got) throw new Error(`moved ${anywhere}, a guest computed something else`);
    return good(
      `a guest moved ${anywhere} (vCPU: ${VCPU_STATE_BYTES} bytes) goes on exactly`,
      "a new backup can join, and a divergence can be healed",
    );
  },
};

const repeatable: Probe<Lab> = {
  name: "repeatable",
  required: true,
  without: "no guest can be protected: replay does not give the same machine on this host",
  examine(lab) {
    const exits = 50;
    const [first, second] = [transcript(lab, exits), transcript(lab, exits)];
    const at = first.findIndex((registers, i) => registers !== second[i]);
    if (at >= 0) throw new Error(`two runs with the same inputs differ at exit ${at} of ${exits}`);
    return good(
      `two runs of ${exits} exits with the same inputs have the same registers throughout`,
      "replay is exact for guests that read nothing but what we answer",
    );
  },
};

/** Probes of what every guest needs, after {@link kickProbe}. */
export const basicProbes: readonly Probe<Lab>[] = [
  realMode,
  ring3,
  interrupts,
  idle,
  msrExits,
  dirtyLog,
  stateTransfer,
  repeatable,
];

function expectValue(guest: ProbeGuest, expected: number): void {
  const got = guest.vcpu.readIo(guest.nextIo(Port.mark));
  if (got !== expected) throw new GuestError(`the guest wrote ${got}, expected ${expected}`);
}

function expectInterrupt(guest: ProbeGuest): void {
  const vector = guest.vcpu.readIo(guest.nextIo(Port.trap));
  if (vector === INTERRUPT_VECTOR) return;
  throw new GuestError(`vector ${vector} was taken, expected ${INTERRUPT_VECTOR}`);
}

/** As machine.ts does it: every MSR that is not state is an exit. */
function filterMsrs(vm: Vm): void {
  const reason = kvmFlags.KVM_MSR_EXIT_REASON_FILTER;
  vm.enableCap(kvmCaps.KVM_CAP_X86_USER_SPACE_MSR, [BigInt(reason)]);
  const flags = kvmFlags.KVM_MSR_FILTER_READ | kvmFlags.KVM_MSR_FILTER_WRITE;
  vm.setMsrFilter({
    defaultAllow: false,
    ranges: allowedMsrs().map((range) => ({ flags, ...range })),
  });
}

/** The registers at each exit of a guest that mixes answers and interrupts into its own. */
function transcript(lab: Lab, exits: number): string[] {
  using guest = new ProbeGuest(lab, {
    mode: "ring3",
    // again: imul r12, r12, 31; add r12, rcx; in eax, ask; add r12, rax; jmp again
    code: machineCode("4d 6b e4 1f", "49 01 cc", "e5 12", "49 01 c4", "eb f2"),
    handlers: { [INTERRUPT_VECTOR]: machineCode("48 ff c1", "48 cf") }, // inc rcx; iretq
  });
  return Array.from({ length: exits }, (_, ordinal) => {
    guest.answer(ordinal * 7);
    if (ordinal % 5 === 0) guest.inject();
    else guest.complete();
    const view = guest.registers();
    return Array.from({ length: kvmRegs.size / 8 }, (_, i) => view.getBigUint64(8 * i, true))
      .join();
  });
}
