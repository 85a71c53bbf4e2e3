/**
 * Undoes an INT3 that is half executed, which KVM hides from who captures a vCPU's state.
 *
 * A signal can stop the guest when INT3 has come to KVM as an exception and has not been delivered to the guest.
 * KVM_GET_VCPU_EVENTS never reports the exceptions that instructions ask for: they are assumed to come again, as RIP
 * still points to the instruction. Where KVM executes guests without the processor's help (docs/DETERMINISM.md, kinds
 * of host) RIP points behind it already, and a state that is applied elsewhere would go on as if INT3 had been
 * nothing.
 *
 * So before state is captured RIP is put back to the INT3, and what waits is dropped: in the machine itself, because
 * what it is from there on (its digest, whether an interrupt can be delivered) has to be what the machine is that the
 * state is applied to.
 *
 * What gives it away: interrupts are on, nothing is reported that would keep one out, and still KVM says that it
 * could not deliver one (it waits for the exception to be delivered first).
 *
 * Called by state.ts.
 */
import type { Bytes } from "../base/layout.ts";
import { kvmRegs, kvmSregs, kvmVcpuEvents } from "../ffi/kvm_structs.ts";
import type { Machine } from "./machine.ts";

const INT3 = 0xcc;
const INT3_BYTES = 1n;

/** Has the machine execute an instruction anew whose exception waits for its delivery. No exit may be incomplete. */
export function undoHiddenTrap(machine: Machine): void {
  const { vcpu } = machine;
  if (!vcpu.ifFlag || vcpu.readyForInterrupt) return;
  const events = vcpu.get("events");
  if (keepsInterruptsOut(events)) return;
  const regs = vcpu.get("regs");
  const view = kvmRegs.view(regs);
  const rip = kvmRegs.get(view, "rip");
  if (isBehindInt3(machine, rip)) kvmRegs.set(view, "rip", rip - INT3_BYTES);
  vcpu.set("regs", regs);
  // The exception is not among the reported events: to set those drops it.
  vcpu.set("events", events);
  machine.refreshReadiness();
}

/** Whether something is reported that an interrupt has to wait for. */
function keepsInterruptsOut(events: Bytes): boolean {
  const view = kvmVcpuEvents.view(events);
  const reasons = [
    "exception.injected",
    "exception.pending",
    "interrupt.injected",
    "interrupt.shadow",
    "nmi.injected",
    "nmi.pending",
  ] as const;
  return reasons.some((field) => kvmVcpuEvents.get(view, field) !== 0);
}

function isBehindInt3(machine: Machine, rip: bigint): boolean {
  const next = kvmSregs.get(kvmSregs.view(machine.vcpu.get("sregs")), "cs.base") + rip;
  return byteAt(machine, next - INT3_BYTES) === INT3 && byteAt(machine, next) !== INT3;
}

/** The byte at a linear address; undefined if there is no RAM. */
function byteAt({ vcpu, memory }: Machine, linear: bigint): number | undefined {
  const physical = vcpu.translate(BigInt.asUintN(64, linear));
  return physical === undefined ? undefined : memory.bytes[Number(physical)];
}
