import assert from "node:assert/strict";
import { OsError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import type { Exit, IoExit } from "./exit.ts";
import { kvmCaps, kvmFlags } from "./kvm_numbers.ts";
import { kvmRegs } from "./kvm_structs.ts";
import { Errno } from "./libc.ts";
import { codeAddress, memoryBytes, TinyGuest } from "./testing.ts";
import { type Vcpu, type VcpuPart, vcpuParts } from "./vcpu.ts";

/** Real-mode instructions, assembled by hand. */
const hlt = [0xf4];
const out = (port: number) => [0xe6, port]; // out port, al
const outEax = (port: number) => [0x66, 0xe7, port]; // out port, eax
const movEcx = (low: number) => [0x66, 0xb9, low & 0xff, low >> 8, 0, 0]; // mov ecx, low

function nextExit(vcpu: Vcpu): Exit {
  assert(vcpu.run(), "the guest was stopped by a signal");
  return vcpu.exit();
}

function nextIo(vcpu: Vcpu): IoExit {
  const exit = nextExit(vcpu);
  assert(exit.kind === "io", `expected an io exit, got ${JSON.stringify(exit)}`);
  return exit;
}

/** Completes the instruction that exited: HOSTS.md, "Completing an exit". */
function complete(vcpu: Vcpu): void {
  vcpu.immediateExit = true;
  assert(!vcpu.run());
  vcpu.immediateExit = false;
}

Deno.test("a guest writes to a port, reads from one, and halts", () => {
  // mov al, 0x5a; out 0x10, al; in al, 0x11; out 0x12, al; in eax, 0x13; out 0x14, eax; hlt
  const code = [0xb0, 0x5a, ...out(0x10), 0xe4, 0x11, ...out(0x12)];
  using guest = new TinyGuest([...code, 0x66, 0xe5, 0x13, ...outEax(0x14), ...hlt]);
  const { vcpu } = guest;
  const seen: string[] = [];
  for (let exit = nextExit(vcpu); exit.kind === "io"; exit = nextExit(vcpu)) {
    const { port, width, count, isWrite } = exit;
    if (!isWrite) vcpu.writeIo(exit, port === 0x11 ? 0x7b : 0xfedc_ba98);
    seen.push(`${isWrite ? "out" : "in"} ${port} ${width}x${count} ${vcpu.readIo(exit)}`);
  }
  assert.deepEqual(seen, [
    "out 16 1x1 90",
    "in 17 1x1 123",
    "out 18 1x1 123",
    `in 19 4x1 ${0xfedc_ba98}`,
    `out 20 4x1 ${0xfedc_ba98}`,
  ]);
  assert.equal(vcpu.exit().kind, "hlt");
});

Deno.test("accesses where no memory is come out as mmio exits", () => {
  // mov ax, 0x2000; mov ds, ax; mov dword [0], 0x12345678; mov ax, [4]; out 0x10, eax
  const store = [0x66, 0xc7, 0x06, 0, 0, 0x78, 0x56, 0x34, 0x12];
  using guest = new TinyGuest([0xb8, 0, 0x20, 0x8e, 0xd8, ...store, 0xa1, 4, 0, ...outEax(0x10)]);
  const { vcpu } = guest;
  const write = nextExit(vcpu);
  assert(write.kind === "mmio" && write.isWrite);
  assert.deepEqual([write.address, write.width], [0x20000, 4]);
  assert.equal(vcpu.readMmio(write), 0x1234_5678);
  assert.deepEqual([...write.data.subarray(0, 4)], [0x78, 0x56, 0x34, 0x12]);
  const read = nextExit(vcpu);
  assert(read.kind === "mmio" && !read.isWrite);
  assert.deepEqual([read.address, read.width], [0x20004, 2]);
  vcpu.writeMmio(0xabcd);
  assert.equal(vcpu.readIo(nextIo(vcpu)) & 0xffff, 0xabcd);
});

Deno.test("a filtered MSR is read and written by us, or refused with #GP", () => {
  // mov ecx, 0x10; rdmsr; out 0x10, eax; wrmsr; rdmsr; and the handler of #GP: out 0x1d, al; hlt
  const code = [...movEcx(0x10), 0x0f, 0x32, ...outEax(0x10), 0x0f, 0x30, 0x0f, 0x32];
  using guest = new TinyGuest([...code, ...hlt, ...out(0x1d), ...hlt]);
  const { vcpu, vm, memory } = guest;
  const handler = 0x1000 + code.length + hlt.length;
  memory.bytes.set([handler & 0xff, handler >> 8, 0, 0], 13 * 4);
  const reason = kvmFlags.KVM_MSR_EXIT_REASON_FILTER;
  vm.enableCap(kvmCaps.KVM_CAP_X86_USER_SPACE_MSR, [BigInt(reason)]);
  const flags = kvmFlags.KVM_MSR_FILTER_READ | kvmFlags.KVM_MSR_FILTER_WRITE;
  const ranges = [{ flags, base: 0x10, count: 1, bitmap: new Uint8Array(8) }];
  vm.setMsrFilter({ defaultAllow: true, ranges });

  const read = nextExit(vcpu);
  assert(read.kind === "rdmsr");
  assert.deepEqual([read.index, read.reason], [0x10, reason]);
  vcpu.acceptMsr(0x1_2345_6789n);
  assert.equal(vcpu.readIo(nextIo(vcpu)), 0x2345_6789);
  const write = nextExit(vcpu);
  assert.deepEqual(write, { kind: "wrmsr", index: 0x10, reason, value: 0x1_2345_6789n });
  vcpu.acceptMsr();
  assert.equal(nextExit(vcpu).kind, "rdmsr");
  vcpu.refuseMsr();
  assert.equal(nextIo(vcpu).port, 0x1d);
});

Deno.test("an interrupt is taken once the guest is ready for it", () => {
  // out 0x10, al; sti; nop; jmp $; and the handler of vector 0x20: out 0x21, al; hlt
  const code = [...out(0x10), 0xfb, 0x90, 0xeb, 0xfe];
  using guest = new TinyGuest([...code, ...out(0x21), ...hlt]);
  const { vcpu, memory } = guest;
  const handler = 0x1000 + code.length;
  memory.bytes.set([handler & 0xff, handler >> 8, 0, 0], 0x20 * 4);
  assert.equal(nextIo(vcpu).port, 0x10);
  complete(vcpu);
  assert(!vcpu.readyForInterrupt && !vcpu.ifFlag);
  vcpu.requestInterruptWindow = true;
  assert.equal(nextExit(vcpu).kind, "irq-window");
  assert(vcpu.readyForInterrupt && vcpu.ifFlag);
  vcpu.requestInterruptWindow = false;
  vcpu.interrupt(0x20);
  assert.equal(nextIo(vcpu).port, 0x21);
  assert.equal(nextExit(vcpu).kind, "hlt");
});

Deno.test("a single step comes out as a debug exit", () => {
  using guest = new TinyGuest([0x90, ...hlt]);
  guest.vcpu.setGuestDebug(kvmFlags.KVM_GUESTDBG_ENABLE | kvmFlags.KVM_GUESTDBG_SINGLESTEP);
  const exit = nextExit(guest.vcpu);
  assert(exit.kind === "debug");
  assert.equal(exit.pc, 0x1001n);
});

Deno.test("synced registers follow the guest, and change it", () => {
  using guest = new TinyGuest([...outEax(0x10), ...outEax(0x11), ...hlt]);
  const { vcpu } = guest;
  const { KVM_SYNC_X86_REGS } = kvmFlags;
  vcpu.enableSyncRegs(KVM_SYNC_X86_REGS);
  assert.equal(nextIo(vcpu).port, 0x10);
  complete(vcpu);
  assert.equal(vcpu.syncedRegs[kvmRegs.offset("rip") / 8], 0x1003n);
  vcpu.syncedRegs[kvmRegs.offset("rax") / 8] = 0x1234n;
  vcpu.markSyncedDirty(KVM_SYNC_X86_REGS);
  assert.equal(vcpu.readIo(nextIo(vcpu)), 0x1234);
});

Deno.test("every part of the state can be read and put back", () => {
  using guest = new TinyGuest(hlt);
  for (const part of Object.keys(vcpuParts) as VcpuPart[]) {
    const before = guest.vcpu.get(part);
    guest.vcpu.set(part, before);
    const into: Bytes = new Uint8Array(before.length + 8);
    assert.equal(guest.vcpu.get(part, into), into);
    assert.deepEqual(into.subarray(0, before.length), before, part);
    assert.throws(() => guest.vcpu.get(part, new Uint8Array(3)), /3 bytes, need/);
  }
});

Deno.test("MSRs can be read and written, and an unknown one is named", () => {
  using guest = new TinyGuest(hlt);
  const msrs = [{ index: 0x174, value: 0x33n }, { index: 0xc000_0081, value: 0x23_0008n << 32n }];
  guest.vcpu.setMsrs(msrs);
  assert.deepEqual(guest.vcpu.getMsrs([0x174, 0xc000_0081]), msrs);
  const refused = { call: "KVM_GET_MSRS of MSR 0xdeadbeef" };
  assert.throws(() => guest.vcpu.getMsrs([0x174, 0xdead_beef]), refused);
});

Deno.test("the CPUID table is the one that was set", () => {
  using guest = new TinyGuest(hlt);
  const vendor = { function: 0, index: 0, flags: 0, eax: 1, ebx: 0xffff_ffff, ecx: 2, edx: 3 };
  const version = { ...vendor, function: 1, eax: 0x600f12 };
  guest.vcpu.setCpuid([vendor, version]);
  const table = guest.vcpu.getCpuid();
  assert.deepEqual(table[0], vendor);
  assert.equal(table[1]?.eax, 0x600f12);
});

Deno.test("the dirty log has the page that the guest wrote, once", () => {
  // mov byte [0x3000], 1; out 0x10, al
  using guest = new TinyGuest([0xc6, 0x06, 0, 0x30, 1, ...out(0x10)]);
  const bitmap = new Uint8Array(Math.ceil(memoryBytes / 4096 / 64) * 8);
  guest.vm.getDirtyLog(0, bitmap);
  assert.equal(nextIo(guest.vcpu).port, 0x10);
  guest.vm.getDirtyLog(0, bitmap);
  assert.equal(bitmap[0]! & 8, 8);
  assert.equal(guest.memory.bytes[0x3000], 1);
  guest.vm.getDirtyLog(0, bitmap);
  assert.equal(bitmap[0]! & 8, 0);
});

Deno.test("the dirty log has the page that an interrupt's frame was pushed to", () => {
  // sti; out 0x10, al; nop; jmp $; and the handler of vector 0x20: out 0x21, al; hlt
  const code = [0xfb, ...out(0x10), 0x90, 0xeb, 0xfe];
  using guest = new TinyGuest([...code, ...out(0x21), ...hlt]);
  const { vcpu, vm, memory } = guest;
  const handler = codeAddress + code.length;
  memory.bytes.set([handler & 0xff, handler >> 8, 0, 0], 0x20 * 4);
  const regs = vcpu.get("regs");
  kvmRegs.set(kvmRegs.view(regs), "rsp", 0x5000n);
  vcpu.set("regs", regs);
  assert.equal(nextIo(vcpu).port, 0x10);
  complete(vcpu);
  const bitmap = new Uint8Array(8);
  vm.getDirtyLog(0, bitmap);
  vcpu.interrupt(0x20);
  assert.equal(nextIo(vcpu).port, 0x21);
  vm.getDirtyLog(0, bitmap);
  assert.equal(bitmap[0]! & 16, 16);
});

Deno.test("a slot's dirty log can be switched off, and on again as new", () => {
  // mov byte [0x3000], 1; out 0x10, al; and back
  const code = [0xc6, 0x06, 0, 0x30, 1, ...out(0x10)];
  using guest = new TinyGuest([...code, 0xeb, 256 - code.length - 2]);
  const { vcpu, vm, memory } = guest;
  const bitmap = new Uint8Array(8);
  const setLogging = (flags: number) =>
    vm.setMemoryRegion({ slot: 0, flags, guestPhysAddr: 0n, memory });
  assert.equal(nextIo(vcpu).port, 0x10);
  setLogging(0);
  assert.equal(nextIo(vcpu).port, 0x10);
  assert.throws(() => vm.getDirtyLog(0, bitmap), { call: "KVM_GET_DIRTY_LOG" });
  setLogging(kvmFlags.KVM_MEM_LOG_DIRTY_PAGES);
  vm.getDirtyLog(0, bitmap);
  assert.equal(bitmap[0]! & 8, 0, "what was written before is not in it");
  assert.equal(nextIo(vcpu).port, 0x10);
  vm.getDirtyLog(0, bitmap);
  assert.equal(bitmap[0]! & 8, 8);
});

Deno.test("a vCPU that was closed does not run", () => {
  const guest = new TinyGuest(hlt);
  guest[Symbol.dispose]();
  assert.throws(() => guest.vcpu.run(), (error: unknown) => {
    assert(error instanceof OsError);
    assert.deepEqual([error.call, error.errno], ["KVM_RUN", Errno.EBADF]);
    return true;
  });
});
