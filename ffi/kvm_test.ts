import assert from "node:assert/strict";
import { OsError, UnavailableError } from "../base/errors.ts";
import { cannotOpen, Kvm } from "./kvm.ts";
import { kvmCaps } from "./kvm_numbers.ts";
import { Errno } from "./libc.ts";

Deno.test("a missing KVM device says that the module is to be loaded", () => {
  assert.throws(() => Kvm.open("/nonexistent/kvm"), (error: unknown) => {
    assert(error instanceof UnavailableError);
    assert.match(error.message, /\/nonexistent\/kvm \(errno 2\).*modprobe kvm_/);
    return true;
  });
});

Deno.test("a KVM device without permission says how to get it", () => {
  assert.match(cannotOpen("/dev/kvm", Errno.EACCES).message, /kvm group.*or run as root/);
});

Deno.test("a device that is not KVM is refused", () => {
  assert.throws(() => Kvm.open("/dev/null"), (error: unknown) => {
    assert(error instanceof UnavailableError);
    assert.match(error.message, /\/dev\/null is not a KVM device/);
    return true;
  });
});

Deno.test("KVM tells what it can do", () => {
  using kvm = Kvm.open();
  assert.equal(kvm.apiVersion(), 12);
  assert(kvm.checkExtension(kvmCaps.KVM_CAP_IMMEDIATE_EXIT) > 0);
  assert.equal(kvm.checkExtension(0x7fff), 0);
  assert(kvm.vcpuMmapSize() >= 8192);
  const leaves = kvm.supportedCpuid();
  assert(leaves.some((leaf) => leaf.function === 0 && leaf.ebx !== 0));
  assert(leaves.some((leaf) => leaf.function === 0x8000_0000));
});

Deno.test("the list of MSRs has STAR, and none twice", () => {
  using kvm = Kvm.open();
  const list = kvm.msrIndexList();
  assert(list.includes(0xc000_0081));
  assert.equal(new Set(list).size, list.length);
});

Deno.test("a failing ioctl throws the call's name and its errno", () => {
  using kvm = Kvm.open();
  using vm = kvm.createVm();
  using _vcpu = vm.createVcpu(0);
  assert.throws(() => vm.createVcpu(0), (error: unknown) => {
    assert(error instanceof OsError);
    assert.equal(error.call, "KVM_CREATE_VCPU");
    assert.equal(error.errno, 17);
    return true;
  });
});

Deno.test("what was closed fails with EBADF, and closing again is harmless", () => {
  const kvm = Kvm.open();
  kvm[Symbol.dispose]();
  kvm[Symbol.dispose]();
  assert.throws(() => kvm.apiVersion(), (error: unknown) => {
    assert(error instanceof OsError);
    assert.equal(error.errno, Errno.EBADF);
    return true;
  });
});
