import assert from "node:assert/strict";
import { UnavailableError } from "../base/errors.ts";
import { Kvm } from "../ffi/kvm.ts";
import { checkHostCpuid, CPUID_TABLE } from "./cpuid.ts";

function leaf(number: number) {
  return CPUID_TABLE.find((row) => row.function === number)!;
}

function text(...registers: number[]): string {
  return new TextDecoder().decode(new Uint32Array(registers));
}

Deno.test("the vendor and the brand are our own", () => {
  const { ebx, ecx, edx } = leaf(0);
  assert.equal(text(ebx, edx, ecx), "UnderstudyVM");
  const brand = [0x8000_0002, 0x8000_0003, 0x8000_0004].map(leaf)
    .map(({ eax, ebx, ecx, edx }) => text(eax, ebx, ecx, edx)).join("");
  assert.equal(brand.replace(/\0+$/, ""), "Understudy virtual processor");
});

Deno.test("nothing is offered that would let a run depend on its host", () => {
  const hidden = {
    tsc: leaf(1).edx & (1 << 4),
    apic: leaf(1).edx & (1 << 9),
    cmpxchg16b: leaf(1).ecx & (1 << 13),
    x2apic: leaf(1).ecx & (1 << 21),
    popcnt: leaf(1).ecx & (1 << 23),
    tscDeadline: leaf(1).ecx & (1 << 24),
    xsave: leaf(1).ecx & (1 << 26),
    rdrand: leaf(1).ecx & (1 << 30),
    rdtscp: leaf(0x8000_0001).edx & (1 << 27),
  };
  for (const [name, bit] of Object.entries(hidden)) assert.equal(bit, 0, name);
  assert.ok(leaf(0).eax < 7, "leaf 7 has RDSEED");
});

Deno.test("this host has what the table promises", () => {
  using kvm = Kvm.open();
  checkHostCpuid(kvm.supportedCpuid());
});

Deno.test("a host without a promised feature is refused, with leaf and bits", () => {
  const weaker = CPUID_TABLE.map((row) =>
    row.function === 1 ? { ...row, edx: row.edx & ~(1 << 26) } : row
  );
  assert.throws(() => checkHostCpuid(weaker), (error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /leaf 0x1, EDX bits 0x4000000/);
    return true;
  });
  assert.throws(() => checkHostCpuid([]), UnavailableError);
});
