import assert from "node:assert/strict";
import { DivergenceError } from "../base/errors.ts";
import { kvmRegs, kvmSregs } from "../ffi/kvm_structs.ts";
import { Digester, isPortable } from "./digest.ts";
import type { Machine } from "./machine.ts";
import { PageHashes } from "./page_hashes.ts";
import { applySection, captureState } from "./state.ts";
import { digestOf, emptyMachine, guestMachine, runScript } from "./testing.ts";
import { vcpuFields } from "./vcpu_state.ts";

const OWN_KIND = 1;
const OTHER_KIND = 2;

/** A machine that goes on from the state of another one, which was on a host of kind `OWN_KIND`. */
function copy(machine: Machine, hostKind: number): Machine {
  const other = emptyMachine(hostKind);
  for (const section of captureState(machine)) applySection(other, section);
  return other;
}

function flipRegister(machine: Machine, name: "rbx" | "rflags"): void {
  const regs = machine.vcpu.get("regs");
  const view = kvmRegs.view(regs);
  // RFLAGS bit 4: AF, which some instructions leave undefined.
  kvmRegs.set(view, name, kvmRegs.get(view, name) ^ 0x10n);
  machine.vcpu.set("regs", regs);
}

function flipSelector(machine: Machine): void {
  const sregs = machine.vcpu.get("sregs");
  const view = kvmSregs.view(sregs);
  kvmSregs.set(view, "ds.selector", kvmSregs.get(view, "ds.selector") ^ 8);
  machine.vcpu.set("sregs", sregs);
}

function flipMemory({ memory }: Machine): void {
  memory.write(0x30_0000, Uint8Array.of(memory.bytes[0x30_0000]! ^ 1));
}

function flipDevice({ board }: Machine): void {
  board.advance(Math.min(board.clockUs + 1, board.deadlineUs()));
}

/** Where a comparison of a changed copy with the original finds a difference; undefined: nowhere. */
function found(hostKind: number, change: (machine: Machine) => void): string | undefined {
  using machine = guestMachine("stress", "11 1");
  runScript(machine, 500);
  using other = copy(machine, hostKind);
  change(other);
  try {
    new Digester(other, "everything").compare(digestOf(machine));
    return undefined;
  } catch (error) {
    assert.ok(error instanceof DivergenceError);
    return error.place;
  }
}

Deno.test("on the same kind of host every difference is found, at its place", () => {
  assert.equal(found(OWN_KIND, () => {}), undefined);
  assert.equal(found(OWN_KIND, (machine) => flipRegister(machine, "rflags")), "regs.rflags");
  assert.equal(found(OWN_KIND, (machine) => flipRegister(machine, "rbx")), "regs.rbx");
  assert.equal(found(OWN_KIND, flipSelector), "sregs.ds.selector");
  assert.equal(found(OWN_KIND, flipMemory), "memory page 0x300");
  assert.match(found(OWN_KIND, flipDevice)!, /clock/);
});

Deno.test("on another kind of host flags, segments and memory may differ, registers and devices may not", () => {
  assert.equal(found(OTHER_KIND, () => {}), undefined);
  assert.equal(found(OTHER_KIND, (machine) => flipRegister(machine, "rflags")), undefined);
  assert.equal(found(OTHER_KIND, flipSelector), undefined);
  assert.equal(found(OTHER_KIND, flipMemory), undefined);
  assert.equal(found(OTHER_KIND, (machine) => flipRegister(machine, "rbx")), "regs.rbx");
  assert.match(found(OTHER_KIND, flipDevice)!, /clock/);
});

Deno.test("what is portable: the general registers and the instruction pointer, and all of our own code's", () => {
  using machine = guestMachine("stress", "11 1");
  const ofVcpu = vcpuFields(machine.vcpu).map(({ name }) => name).filter(isPortable);
  const general = [..."abcd"].map((letter) => `r${letter}x`);
  const others = ["rsi", "rdi", "rsp", "rbp", "rip", ...range(8, 15).map((index) => `r${index}`)];
  assert.deepEqual(ofVcpu.sort(), [...general, ...others].map((name) => `regs.${name}`).sort());
  assert.ok(machine.board.fields().every(({ name }) => isPortable(name)));
});

Deno.test("a vector that is not pending is not compared: what is left of the last one is no state", () => {
  using machine = guestMachine("stress", "11 1");
  runScript(machine, 500);
  const names = ["events.exception.nr", "events.exception.error_code", "events.interrupt.nr"];
  const pending = new Map(vcpuFields(machine.vcpu).map(({ name, value }) => [name, value]));
  assert.equal(pending.get("events.exception.injected"), 0n);
  assert.equal(pending.get("events.interrupt.injected"), 0n);
  for (const name of names) assert.equal(pending.get(name), 0n, name);
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

Deno.test("a digest that looked ahead while the guest ran is the digest of one that did not", () => {
  using machine = guestMachine("stress", "11 1");
  runScript(machine, 200);
  using digester = new Digester(machine, "everything");
  // Some pages are looked at before they change, some after it, and some not at all.
  for (let point = 300; point <= 700; point += 100) {
    for (let count = 0; count < 10; count++) digester.lookAhead();
    runScript(machine, point);
  }
  flipMemory(machine);
  assert.deepEqual(digester.take(), digestOf(machine));
});

Deno.test("pages that may differ from another machine's: those that do, and those that no digest has seen", () => {
  using machine = guestMachine("stress", "11 1");
  runScript(machine, 200);
  using digester = new Digester(machine, "everything");
  const hashes = new PageHashes(machine.memory.pages);
  const bitmap = new Uint8Array(machine.memory.pages / 8);
  digester.differing(hashes, bitmap);
  assert.ok(bitmap.every((byte) => byte === 0xff), "nothing is known of either");
  hashes.add(digester.hashes());
  digester.differing(hashes, bitmap);
  assert.ok(bitmap.every((byte) => byte === 0), "all are known, and the same");
  machine.memory.write(5 * 4096, new Uint8Array([machine.memory.page(5)[0]! ^ 1]));
  digester.differing(hashes, bitmap);
  assert.deepEqual([bitmap[0], bitmap.findLastIndex((byte) => byte !== 0)], [1 << 5, 0]);
});
