import assert from "node:assert/strict";
import { kvmExits } from "./kvm_numbers.ts";
import { kvmRun } from "./kvm_structs.ts";
import { RunArea } from "./run_area.ts";

/** A run area in plain memory, as KVM would leave it. */
function areaWith(reason: number): { area: RunArea; view: DataView } {
  const memory = new ArrayBuffer(8192);
  const view = new DataView(memory);
  kvmRun.set(view, "exit_reason", reason);
  return { area: new RunArea(memory), view };
}

Deno.test("a string io exit gives each item", () => {
  const { area, view } = areaWith(kvmExits.KVM_EXIT_IO);
  kvmRun.set(view, "u.io.size", 2);
  kvmRun.set(view, "u.io.count", 3);
  kvmRun.set(view, "u.io.port", 0xcff8);
  kvmRun.set(view, "u.io.direction", 1);
  kvmRun.set(view, "u.io.data_offset", 4096n);
  [1, 0x8002, 0xffff].forEach((item, i) => view.setUint16(4096 + 2 * i, item, true));
  const exit = area.exit();
  assert(exit.kind === "io" && exit.isWrite);
  assert.equal(exit.port, 0xcff8);
  assert.deepEqual([0, 1, 2].map((i) => area.readIo(exit, i)), [1, 0x8002, 0xffff]);
  area.writeIo(exit, 0x1234, 1);
  assert.deepEqual([0, 1, 2].map((i) => area.readIo(exit, i)), [1, 0x1234, 0xffff]);
});

Deno.test("an mmio exit gives addresses beyond 32 bits, and any width", () => {
  const { area, view } = areaWith(kvmExits.KVM_EXIT_MMIO);
  kvmRun.set(view, "u.mmio.phys_addr", 0xf_edcb_a987_6543n);
  kvmRun.set(view, "u.mmio.len", 3);
  new Uint8Array(view.buffer, kvmRun.offset("u.mmio.data"), 8).set([1, 2, 0x83, 4, 5, 6, 7, 8]);
  const exit = area.exit();
  assert(exit.kind === "mmio" && !exit.isWrite);
  assert.equal(exit.address, 0xf_edcb_a987_6543);
  assert.equal(area.readMmio(exit), 0x83_0201);
  kvmRun.set(view, "u.mmio.len", 8);
  assert.equal(area.readMmio({ ...exit, width: 8 }), 0x0483_0201);
  area.writeMmio(0xffff_fffe, 0x8000_0000);
  assert.deepEqual([...exit.data], [0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0x80]);
});

Deno.test("an internal error gives at most the words that there are", () => {
  const { area, view } = areaWith(kvmExits.KVM_EXIT_INTERNAL_ERROR);
  kvmRun.set(view, "u.internal.suberror", 1);
  kvmRun.set(view, "u.internal.ndata", 2);
  kvmRun.set(view, "u.internal.data.1", 7n);
  assert.deepEqual(area.exit(), { kind: "internal-error", suberror: 1, data: [0n, 7n] });
  kvmRun.set(view, "u.internal.ndata", 0xffff_ffff);
  const exit = area.exit();
  assert(exit.kind === "internal-error");
  assert.equal(exit.data.length, 16);
});

Deno.test("a failed entry, a system event and an unexpected reason say their numbers", () => {
  const entry = areaWith(kvmExits.KVM_EXIT_FAIL_ENTRY);
  kvmRun.set(entry.view, "u.fail_entry.hardware_entry_failure_reason", 0x8000_0021n);
  kvmRun.set(entry.view, "u.fail_entry.cpu", 3);
  assert.deepEqual(entry.area.exit(), { kind: "fail-entry", reason: 0x8000_0021n, cpu: 3 });
  const event = areaWith(kvmExits.KVM_EXIT_SYSTEM_EVENT);
  kvmRun.set(event.view, "u.system_event.type", 2);
  assert.deepEqual(event.area.exit(), { kind: "system-event", type: 2 });
  assert.equal(areaWith(kvmExits.KVM_EXIT_SHUTDOWN).area.exit().kind, "shutdown");
  assert.deepEqual(areaWith(99).area.exit(), { kind: "unknown", reason: 99 });
});

Deno.test("what we tell KVM lands in its fields", () => {
  const { area, view } = areaWith(0);
  area.immediateExit = true;
  area.requestInterruptWindow = true;
  area.cr8 = 9;
  area.apicBase = 0xfee0_0900n;
  area.enableSyncRegs(7);
  area.markSyncedDirty(2);
  area.syncedRegs[0] = 0x1122n;
  assert.equal(kvmRun.get(view, "immediate_exit"), 1);
  assert.equal(kvmRun.get(view, "request_interrupt_window"), 1);
  assert.deepEqual([area.cr8, kvmRun.get(view, "cr8")], [9, 9n]);
  assert.deepEqual([area.apicBase, kvmRun.get(view, "apic_base")], [0xfee0_0900n, 0xfee0_0900n]);
  assert.equal(kvmRun.get(view, "kvm_valid_regs"), 7n);
  assert.equal(kvmRun.get(view, "kvm_dirty_regs"), 2n);
  assert.equal(kvmRun.get(view, "s.regs.regs.rax"), 0x1122n);
});
