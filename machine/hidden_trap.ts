/**
 * Finds an INT3 that is half executed, which KVM hides from who captures a vCPU's state.
 *
 * A signal can stop the guest when INT3 has come to KVM as an exception and has not been delivered to the guest.
 * KVM_GET_VCPU_EVENTS never reports the exceptions that instructions ask for: they are assumed to come again, as RIP
 * still points to the instruction. Where KVM executes guests without the processor's help (docs/DETERMINISM.md, kinds
 * of host) RIP points behind it already, and a state that is applied elsewhere would go on as if INT3 had been
 * nothing. So such a state is captured with RIP at the INT3.
 *
 * What gives it away: interrupts are on, nothing is reported that would keep one out, and still KVM says that it
 * could not deliver one (it waits for the exception to be delivered first).
 *
 * Called by state.ts.
 */
import { kvmRegs, kvmSregs, kvmVcpuEvents } from "../ffi/kvm_structs.ts";
import type { Machine } from "./machine.ts";

const INT3 = 0xcc;

/** The instruction's length: how far RIP is to be taken back. */
export const INT3_BYTES = 1n;

/** Whether an INT3 waits for its delivery, with RIP behind it. The last exit must be complete. */
export function hasHiddenTrap(machine: Machine): boolean {
  const { vcpu } = machine;
  if (!vcpu.ifFlag || vcpu.readyForInterrupt) return false;
  const events = kvmVcpuEvents.view(vcpu.get("events"));
  const keepsInterruptsOut = [
    "exception.injected",
    "exception.pending",
    "interrupt.injected",
    "interrupt.shadow",
    "nmi.injected",
    "nmi.pending",
  ] as const;
  if (keepsInterruptsOut.some((field) => kvmVcpuEvents.get(events, field) !== 0)) return false;
  const base = kvmSregs.get(kvmSregs.view(vcpu.get("sregs")), "cs.base");
  const next = base + kvmRegs.get(kvmRegs.view(vcpu.get("regs")), "rip");
  return byteAt(machine, next - INT3_BYTES) === INT3 && byteAt(machine, next) !== INT3;
}

/** The byte at a linear address; undefined if there is no RAM. */
function byteAt({ vcpu, memory }: Machine, linear: bigint): number | undefined {
  const physical = vcpu.translate(BigInt.asUintN(64, linear));
  return physical === undefined ? undefined : memory.bytes[Number(physical)];
}
