import assert from "node:assert/strict";
import type { InputSource, Verdict } from "./input_source.ts";
import type { Machine } from "./machine.ts";
import { MSR_TSC, TSC_COUNTS_PER_US } from "./msrs.ts";
import { guestMachine, runScript, Script, tinyMachine } from "./testing.ts";
import { VcpuLoop } from "./vcpu_loop.ts";

// 32-bit code, assembled by hand.
const movEdx = (value: number) => [0xba, value & 0xff, value >>> 8, 0, 0];
const movEcx = (value: number) => [0xb9, value & 0xff, value >>> 8, 0, 0];
const OUT_AL = 0xee;
const OUT_EAX = 0xef;
const RDMSR = [0x0f, 0x32];
const HLT = 0xf4;
/** Ends the machine with EAX as its code. */
const END_WITH_EAX = [...movEdx(0xf4), OUT_EAX];
const MOV_EAX_FROM_NOWHERE = [0xa1, 0, 0, 0, 0xd0];
const MOV_NOWHERE_FROM_EAX = [0xa3, 0, 0, 0, 0xd0];

/** Turns long mode's paging on, with its root at 2 MiB, reads at 1 GiB, and halts. */
const READ_AT_1_GIB = [
  ...[0xb8, 0x20, 0, 0, 0, 0x0f, 0x22, 0xe0], // CR4: PAE
  ...[0xb8, 0, 0, 0x20, 0, 0x0f, 0x22, 0xd8], // CR3
  ...[0xb9, 0x80, 0, 0, 0xc0, 0xb8, 0, 1, 0, 0, 0x31, 0xd2, 0x0f, 0x30], // EFER: LME
  ...[0xb8, 0x01, 0, 0, 0x80, 0x0f, 0x22, 0xc0], // CR0
  ...[0xa1, 0, 0, 0, 0x40, HLT],
];
/** Present, writable, accessed, dirty, 2 MiB. */
const LARGE_PAGE = 0xe3n;
const words = (...values: bigint[]) => new Uint8Array(BigUint64Array.from(values).buffer);

/** Runs code to its end; how it ended. */
function endOf(code: readonly number[]) {
  using machine = tinyMachine(code);
  const { text } = runScript(machine);
  return { ...machine.end!, text, point: machine.point, clockUs: machine.clockUs };
}

Deno.test("a guest's console output and its end come out at their own execution points", () => {
  const { why, code, text, point } = endOf([
    ...[0xb0, 0x41, ...movEdx(0x3f8), OUT_AL],
    ...[0x31, 0xc0, ...END_WITH_EAX],
  ]);
  assert.equal(text, "A");
  assert.equal(code, 0);
  assert.match(why, /ended with code 0/);
  assert.equal(point, 2);
});

Deno.test("the time stamp counter is the machine's clock", () => {
  const { code, clockUs } = endOf([...movEcx(MSR_TSC), ...RDMSR, ...END_WITH_EAX]);
  assert.ok(clockUs > 0);
  assert.equal(code, clockUs * TSC_COUNTS_PER_US);
});

Deno.test("an MSR that no machine has is a fault of the guest's instruction", () => {
  // Nobody handles it here: #GP, then a double, then a triple fault.
  const { why, point } = endOf([...movEcx(0x11), ...RDMSR, ...END_WITH_EAX]);
  assert.match(why, /triple fault/);
  assert.equal(point, 2);
});

Deno.test("memory that is not there reads as all ones and swallows what is written", () => {
  const { code } = endOf([...MOV_NOWHERE_FROM_EAX, ...MOV_EAX_FROM_NOWHERE, ...END_WITH_EAX]);
  assert.equal(code, 0xffff_ffff);
});

Deno.test("addresses above 4 GiB are told apart in the exit sequence", () => {
  const checksums = [0xd000_0000n, 0x1_d000_0000n, 0x2_d000_0000n].map((address) => {
    using machine = tinyMachine(READ_AT_1_GIB);
    machine.memory.write(0x20_0000, words(0x20_1023n));
    machine.memory.write(0x20_1000, words(0x20_2023n, 0x20_3023n));
    machine.memory.write(0x20_2000, words(LARGE_PAGE));
    machine.memory.write(0x20_3000, words(address | LARGE_PAGE));
    runScript(machine);
    assert.equal(machine.point, 2);
    return machine.exits.value;
  });
  assert.equal(new Set(checksums).size, checksums.length);
});

Deno.test("ports that nobody claims read as all ones", () => {
  const { code } = endOf([...movEdx(0x300), 0xed, ...END_WITH_EAX]);
  assert.equal(code, 0xffff_ffff);
});

Deno.test("a triple fault ends the guest", () => {
  assert.match(endOf([0x0f, 0x0b]).why, /triple fault/);
});

Deno.test("a guest that halts with interrupts off has ended", () => {
  const { why, code } = endOf([HLT]);
  assert.match(why, /halted with interrupts off/);
  assert.equal(code, 1);
});

Deno.test("a guest's reset ends the machine", () => {
  const { why } = endOf([...movEdx(0x64), 0xb0, 0xfe, OUT_AL]);
  assert.match(why, /reset/);
});

Deno.test("two runs that are told the same are the same run", () => {
  const runs = [0, 1].map(() => {
    using machine = guestMachine("stress", "5 2");
    const { text } = runScript(machine);
    const { point, clockUs, exits, outputs } = machine;
    return { text, point, clockUs, exits: exits.value, outputs: outputs.value, end: machine.end };
  });
  assert.deepEqual(runs[0], runs[1]);
  assert.equal(runs[0]!.end?.code, 0);
  assert.match(runs[0]!.text, /done\n$/);
});

Deno.test("completing instructions between exits, at every point, changes nothing", () => {
  using plain = guestMachine("stress", "6 1");
  runScript(plain);
  using settled = guestMachine("stress", "6 1");
  new VcpuLoop(settled, new SettleAlways()).run();
  assert.equal(settled.exits.value, plain.exits.value);
  assert.equal(settled.outputs.value, plain.outputs.value);
  assert.equal(settled.point, plain.point);
});

Deno.test("a source can stop the loop and another one go on where it stopped", () => {
  using whole = guestMachine("stress", "7 1");
  const { text } = runScript(whole);
  using parts = guestMachine("stress", "7 1");
  const loop = new VcpuLoop(parts, new Script(300));
  loop.run();
  const first = (loop.source as Script).text;
  const rest = new Script();
  loop.source = rest;
  loop.run();
  assert.equal(first + rest.text, text);
  assert.equal(parts.exits.value, whole.exits.value);
});

/** Completes the instruction of every exit before the guest is entered again. */
class SettleAlways implements InputSource {
  readonly #script = new Script();
  #settledAt = -1;

  enter(machine: Machine, clockMatters: boolean): void {
    this.#script.enter(machine, clockMatters);
  }
  idle(machine: Machine): void {
    this.#script.idle(machine);
  }
  boundary(machine: Machine): Verdict {
    return this.#settledAt === machine.point ? "go" : "settle";
  }
  settled(machine: Machine): void {
    this.#settledAt = machine.point;
  }
  kicked(): void {}
  output(): void {}
}
