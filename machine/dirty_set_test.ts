/** The dirty set on a real KVM: what the guest, the processor on its behalf, and our own code wrote. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DefectError } from "../base/assert.ts";
import { dirtyListenerCount } from "../base/limits.ts";
import { kvmRegs } from "../ffi/kvm_structs.ts";
import { type DirtyListener, DirtySet, type FirstTake } from "./dirty_set.ts";
import { machineCode, startGuest } from "./doctor_boot.ts";
import { forEachPage, GuestMemory } from "./guest_memory.ts";
import type { Machine } from "./machine.ts";
import { HIGH_MEMORY_START, PAGE_BYTES } from "./memory_map.ts";
import { emptyMachine, guestMachine, memoryBytes, runScript, tinyMachine } from "./testing.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`dirty_set_test: SEED=${seed}`);

const PAGES = memoryBytes / PAGE_BYTES;

/**
 * What a listener has, but for pages that the guest touches and does not write: KVM counts as dirty what it maps
 * writable, and hosts may do so when a page is read or executed. So the dirty set can be too large, not too small.
 */
function taken(listener: DirtyListener, touched = [HIGH_MEMORY_START / PAGE_BYTES]): number[] {
  const bitmap = new Uint8Array(PAGES / 8).fill(0x55);
  const count = listener.take(bitmap);
  const pages: number[] = [];
  forEachPage(bitmap, (page) => pages.push(page));
  assert.equal(count, pages.length);
  return pages.length === PAGES ? pages : pages.filter((page) => !touched.includes(page));
}

/** A guest that writes to the page that EBX points to, and again: mov [ebx], eax; out 0x80, al; jmp back. */
function writer(): Machine {
  return tinyMachine([0x89, 0x03, 0xe6, 0x80, 0xeb, 0xfa]);
}

/** Has the guest of {@link writer} write to a page. */
function guestWrites(machine: Machine, page: number): void {
  const regs = machine.vcpu.get("regs");
  kvmRegs.set(kvmRegs.view(regs), "rbx", BigInt(page * PAGE_BYTES + 8));
  machine.vcpu.set("regs", regs);
  runScript(machine, machine.point + 1);
}

function weWrite(machine: Machine, page: number): void {
  machine.memory.write(page * PAGE_BYTES + 100, Uint8Array.of(1));
}

Deno.test("what the guest wrote and what our own code wrote is dirty, once, and nothing else", () => {
  using machine = writer();
  using listener = machine.dirty.listen("test", "nothing");
  guestWrites(machine, 0x300);
  guestWrites(machine, 0x300);
  weWrite(machine, 0x400);
  assert.deepEqual(taken(listener), [0x300, 0x400]);
  assert.deepEqual(taken(listener), []);
  guestWrites(machine, 0x300);
  assert.deepEqual(taken(listener), [0x300], "a page that was written before is caught again");
});

Deno.test("a write that crosses into the next page dirties both", () => {
  using machine = writer();
  using listener = machine.dirty.listen("test", "nothing");
  const regs = machine.vcpu.get("regs");
  kvmRegs.set(kvmRegs.view(regs), "rbx", 0x30_1ffen);
  machine.vcpu.set("regs", regs);
  runScript(machine, 1);
  machine.memory.write(0x40_1fff, Uint8Array.of(1, 2));
  assert.deepEqual(taken(listener), [0x301, 0x302, 0x401, 0x402]);
});

Deno.test("who begins to listen late has what is written from then on, or everything", () => {
  using machine = writer();
  guestWrites(machine, 0x300);
  weWrite(machine, 0x301);
  using late = machine.dirty.listen("late", "nothing");
  guestWrites(machine, 0x302);
  using later = machine.dirty.listen("later", "nothing");
  using all = machine.dirty.listen("all", "everything");
  guestWrites(machine, 0x303);
  weWrite(machine, 0x304);
  assert.deepEqual(taken(later), [0x303, 0x304]);
  assert.deepEqual(taken(late), [0x302, 0x303, 0x304]);
  assert.equal(taken(all).length, PAGES);
  assert.deepEqual(taken(all), []);
});

Deno.test("what was written while nobody listened is nobody's", () => {
  using machine = writer();
  const first = machine.dirty.listen("first", "nothing");
  guestWrites(machine, 0x300);
  weWrite(machine, 0x301);
  first[Symbol.dispose]();
  guestWrites(machine, 0x302);
  weWrite(machine, 0x303);
  using second = machine.dirty.listen("second", "nothing");
  assert.deepEqual(taken(second), []);
  guestWrites(machine, 0x302);
  assert.deepEqual(taken(second), [0x302]);
});

Deno.test("listeners don't take from each other, whoever comes, takes and leaves when", () => {
  const page = fc.integer({ min: 0x200, max: 0x20f });
  const step = fc.oneof(
    fc.record({ does: fc.constantFrom("guest", "own"), page }),
    fc.record({ does: fc.constant("take"), who: fc.nat() }),
    fc.record({ does: fc.constant("leave"), who: fc.nat() }),
    fc.record({
      does: fc.constant("come"),
      firstTake: fc.constantFrom<FirstTake>("nothing", "everything"),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      using machine = writer();
      const present: { listener: DirtyListener; expected: Set<number> }[] = [];
      for (const step of steps) {
        if ("page" in step) {
          (step.does === "guest" ? guestWrites : weWrite)(machine, step.page);
          for (const { expected } of present) expected.add(step.page);
        } else if ("firstTake" in step) {
          if (present.length === dirtyListenerCount) continue;
          const all = step.firstTake === "everything"
            ? Array.from({ length: PAGES }, (_, i) => i)
            : [];
          const listener = machine.dirty.listen("test", step.firstTake);
          present.push({ listener, expected: new Set(all) });
        } else if (present.length > 0) {
          const who = step.who % present.length;
          const { listener, expected } = present[who]!;
          if (step.does === "leave") {
            listener[Symbol.dispose]();
            present.splice(who, 1);
          } else {
            assert.deepEqual(taken(listener), [...expected].sort((a, b) => a - b));
            expected.clear();
          }
        }
      }
      assert.deepEqual(machine.dirty.listeners, present.map(() => "test"));
    }),
    { seed, numRuns: 60 },
  );
});

/** Pages that differ from `before`; `before` becomes what memory is now. */
function changedSince(before: Uint8Array, { memory }: Machine): number[] {
  const now = new BigUint64Array(memory.bytes.buffer, memory.bytes.byteOffset);
  const then = new BigUint64Array(before.buffer);
  const changed: number[] = [];
  for (let page = 0; page < memory.pages; page++) {
    const start = page * PAGE_BYTES / 8;
    for (let word = start; word < start + PAGE_BYTES / 8; word++) {
      if (now[word] === then[word]) continue;
      changed.push(page);
      break;
    }
  }
  before.set(memory.bytes);
  return changed;
}

Deno.test("no page of a busy guest changes without being dirty, interrupts' frames included", () => {
  using machine = guestMachine("stress", "11 1");
  const copies = ["early", "late"].map((name) => ({
    listener: undefined as DirtyListener | undefined,
    name,
    memory: new Uint8Array(memoryBytes),
  }));
  let changes = 0;
  for (let round = 0; machine.end === undefined; round++) {
    for (const [index, copy] of copies.entries()) {
      if (copy.listener === undefined) {
        if (round < index * 5) continue;
        copy.memory.set(machine.memory.bytes);
        copy.listener = machine.dirty.listen(copy.name, "nothing");
      } else if (round % (index + 2) === 0) {
        const changed = changedSince(copy.memory, machine);
        const dirty = new Set(taken(copy.listener, []));
        assert.deepEqual(changed.filter((page) => !dirty.has(page)), [], `${copy.name} ${round}`);
        changes += changed.length;
      }
    }
    runScript(machine, machine.point + 83);
  }
  assert.ok(changes > 100, `${changes} changes: the test says nothing`);
});

Deno.test("accessed and dirty bits that the processor sets make the page table dirty", () => {
  const directory = 0x4000;
  // The code, the tables above the directory, the page that is read.
  const touched = [1, 2, 3, 0x200];
  for (const mode of ["ring0", "ring3"] as const) {
    using machine = emptyMachine();
    const { bytes } = machine.memory;
    const code = machineCode(
      "e6 10", // out 0x10, al
      "8a 04 25 00 00 20 00 e6 10", // mov al, [0x200000]; out 0x10, al
      "c6 04 25 00 00 40 00 01 e6 10", // mov byte [0x400000], 1; out 0x10, al
    );
    startGuest(machine.vcpu, bytes, { mode, code });
    // SDM volume 3, 4.5: pages of 2 MiB; present, writable, user, and neither accessed nor dirty yet.
    const entries = BigUint64Array.of(0x20_0087n, 0x40_0087n);
    machine.memory.write(directory + 8, new Uint8Array(entries.buffer));
    const bits = () => [1, 2].map((index) => bytes[directory + 8 * index]! & 0x60);
    runScript(machine, 1);
    using listener = machine.dirty.listen("test", "nothing");
    runScript(machine, 2);
    assert.deepEqual(bits(), [0x20, 0]);
    assert.deepEqual(taken(listener, touched), [directory / PAGE_BYTES], mode);
    runScript(machine, 3);
    assert.deepEqual(bits(), [0x20, 0x60]);
    assert.deepEqual(taken(listener, touched), [directory / PAGE_BYTES, 0x400], mode);
  }
});

Deno.test("KVM logs while somebody listens, and only then", () => {
  const calls: string[] = [];
  const set = new DirtySet(new GuestMemory(new Uint8Array(2 << 20)), {
    setLogging: (isOn) => calls.push(isOn ? "on" : "off"),
    read: (bitmap) => bitmap.fill(0),
  });
  assert.deepEqual(calls, []);
  const first = set.listen("first", "nothing");
  const second = set.listen("second", "everything");
  assert.deepEqual(calls, ["on"]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.deepEqual(calls, ["on"]);
  second[Symbol.dispose]();
  assert.deepEqual(calls, ["on", "off"]);
  set.listen("third", "nothing");
  assert.deepEqual(calls, ["on", "off", "on"]);
});

Deno.test("one listener too many is a defect that names the others", () => {
  const set = new DirtySet(new GuestMemory(new Uint8Array(2 << 20)), {
    setLogging: () => {},
    read: (bitmap) => bitmap.fill(0),
  });
  for (let index = 0; index < dirtyListenerCount; index++) set.listen(`n${index}`, "nothing");
  assert.throws(() => set.listen("more", "nothing"), (error: unknown) => {
    assert.ok(error instanceof DefectError);
    assert.match(error.message, /"more".*n0,n1.*8 of 8/);
    return true;
  });
});
