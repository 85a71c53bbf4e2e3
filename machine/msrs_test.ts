import assert from "node:assert/strict";
import { allowedMsrs, MSR_TSC, STATE_MSRS } from "./msrs.ts";

function isAllowed(index: number): boolean {
  return allowedMsrs().some(({ base, count, bitmap }) => {
    const bit = index - base;
    return bit >= 0 && bit < count && (bitmap[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  });
}

Deno.test("every MSR that is state is served by KVM", () => {
  for (const { index, name } of STATE_MSRS) assert.ok(isAllowed(index), name);
});

Deno.test("no counter of the host is served by KVM", () => {
  const counters = {
    tsc: MSR_TSC,
    tscAdjust: 0x3b,
    tscDeadline: 0x6e0,
    tscAux: 0xc000_0103,
    mperf: 0xe7,
    aperf: 0xe8,
    pmc0: 0xc1,
    kvmSystemTime: 0x12,
    kvmSystemTimeNew: 0x4b56_4d01,
  };
  for (const [name, index] of Object.entries(counters)) assert.ok(!isAllowed(index), name);
});

Deno.test("what is served is state or in SREGS, and nothing else", () => {
  const sregs = [0xc000_0080, 0xc000_0100, 0xc000_0101];
  const known = new Set([...STATE_MSRS.map(({ index }) => index), ...sregs]);
  for (const { base, count } of allowedMsrs()) {
    for (let index = base; index < base + count; index++) {
      assert.equal(isAllowed(index), known.has(index), `MSR 0x${index.toString(16)}`);
    }
  }
});
