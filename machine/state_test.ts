import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { MAX_STATE_BYTES } from "../codec/codec.ts";
import { decodePages, MAX_BATCH_BYTES, MAX_BATCH_PAGES } from "../codec/pages.ts";
import { OsError, PeerError } from "../base/errors.ts";
import { forEachPage } from "./guest_memory.ts";
import type { Machine } from "./machine.ts";
import { PAGE_BYTES } from "./memory_map.ts";
import { applySection, capturePages, captureState, type Section, StateSection } from "./state.ts";
import { digestOf, emptyMachine, guestMachine, runScript } from "./testing.ts";
import { VCPU_STATE_BYTES } from "./vcpu_state.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
console.log(`state_test: SEED=${seed}`);

const STRESS = "11 1";

/** What a run came to. */
function outcome(machine: Machine, text: string) {
  const { point, clockUs, exits, outputs, end } = machine;
  const digest = digestOf(machine);
  return { text, point, clockUs, exits: exits.value, outputs: outputs.value, end, digest };
}

/** The sections of a stress run's state at a point, and how the run went on from there. */
function capturedAt(stopAt: number) {
  using machine = guestMachine("stress", STRESS);
  runScript(machine, stopAt);
  const sections = [...captureState(machine)];
  const { text } = runScript(machine);
  return { sections, original: outcome(machine, text) };
}

function applyAll(machine: Machine, sections: readonly Section[]): void {
  sections.forEach((section, index) => {
    assert.equal(applySection(machine, section), index === sections.length - 1);
  });
}

Deno.test("a machine that takes over a state goes on exactly as the original", () => {
  using whole = guestMachine("stress", STRESS);
  runScript(whole);
  const points = fc.sample(fc.integer({ min: 1, max: whole.point - 1 }), { seed, numRuns: 12 });
  for (const point of points) {
    const { sections, original } = capturedAt(point);
    using machine = emptyMachine();
    applyAll(machine, sections);
    const { text } = runScript(machine);
    assert.deepEqual(outcome(machine, text), original, `captured at ${point}`);
  }
});

Deno.test("a state that was applied is captured again as it was", () => {
  const { sections } = capturedAt(500);
  using machine = emptyMachine();
  applyAll(machine, sections);
  const digest = digestOf(machine);
  const again = [...captureState(machine)];
  assert.deepEqual(again.slice(0, -1), sections.slice(0, -1), "memory");
  using second = emptyMachine();
  applyAll(second, again);
  assert.deepEqual(digestOf(second), digest);
});

Deno.test("taking digests and capturing states along the way changes nothing", () => {
  using plain = guestMachine("stress", STRESS);
  const { text } = runScript(plain);
  using watched = guestMachine("stress", STRESS);
  let watchedText = "";
  for (let point = 100; watched.end === undefined; point += 100) {
    watchedText += runScript(watched, point).text;
    digestOf(watched);
    [...captureState(watched)];
  }
  assert.deepEqual(outcome(watched, watchedText), outcome(plain, text));
});

Deno.test("a section of another machine, or one that is cut, is a peer's fault", () => {
  const { sections } = capturedAt(50);
  const pages = sections[0]!;
  const last = sections.at(-1)!;
  using machine = emptyMachine();
  const boardAt = last.bytes.length - machine.board.encode().length;
  const bad: Section[] = [
    { section: 2, bytes: new Uint8Array(0) },
    { section: StateSection.pages, bytes: pages.bytes.slice(0, -1) },
    { section: StateSection.pages, bytes: new Uint8Array(MAX_BATCH_PAGES + 1) },
    { section: StateSection.pages, bytes: new Uint8Array(MAX_BATCH_BYTES + 1) },
    { section: StateSection.pages, bytes: Uint8Array.of(31 << 3, 0xff, 0x7f) },
    { section: StateSection.pages, bytes: Uint8Array.of(3, 1, 0, 0) },
    change(pages, (view) => view.setUint8(0, 0xff)),
    { section: StateSection.machine, bytes: new Uint8Array(0) },
    { section: StateSection.machine, bytes: last.bytes.slice(0, -1) },
    change(last, (view) => view.setUint32(0, machine.memory.pages + 1, true)),
    change(last, (view) => view.setUint8(4, 2)),
    change(last, (view) => view.setFloat64(5, -1, true)),
    change(last, (view) => view.setFloat64(5, 0.5, true)),
    change(last, (view) => view.setFloat64(5, NaN, true)),
    change(last, (view) => view.setFloat64(29, NaN, true)),
    change(last, (view) => view.setUint32(boardAt - 4 - VCPU_STATE_BYTES - 4, 0, true)),
    change(last, (view) => view.setUint32(boardAt - 4, 0, true)),
    change(last, (view) => view.setUint16(boardAt, 99, true)),
  ];
  bad.forEach((section, index) => {
    assert.throws(() => applySection(machine, section), PeerError, `bad section ${index}`);
  });
});

Deno.test("whatever is damaged in a section, it is applied or refused with a typed error", () => {
  const { sections } = capturedAt(50);
  const small = sections.filter(({ bytes }) => bytes.length < 100_000);
  const damage = fc.record({
    section: fc.constantFrom(...small),
    bytes: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 8 }),
    cut: fc.nat(),
  });
  using machine = emptyMachine();
  fc.assert(
    fc.property(damage, ({ section, bytes, cut }) => {
      const damaged = section.bytes.slice(
        0,
        cut % 4 === 0 ? cut % section.bytes.length : undefined,
      );
      for (const [at, value] of bytes) damaged[at % damaged.length] = value;
      try {
        applySection(machine, { section: section.section, bytes: damaged });
      } catch (error) {
        // OsError: KVM itself refuses what the vCPU's registers would be.
        assert.ok(error instanceof PeerError || error instanceof OsError, `${error}`);
      }
    }),
    { seed, numRuns: 300 },
  );
});

Deno.test("a section has 256 pages at most, and 256 KiB, whatever is in memory", () => {
  using machine = emptyMachine();
  const noise = new Uint8Array(4 << 20);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  machine.memory.write(0x30_0000, noise);
  machine.memory.write(0x90_0000, new Uint8Array(4 << 20).fill(7));
  let pages = 0;
  for (const { section, bytes } of captureState(machine)) {
    assert.ok(bytes.length <= MAX_STATE_BYTES, `${bytes.length} bytes`);
    if (section !== StateSection.pages) continue;
    const count = decodePages(bytes, machine.memory.pages, () => {});
    assert.ok(count > 0 && count <= MAX_BATCH_PAGES, `${count} pages`);
    pages += count;
  }
  assert.equal(pages, 2048);
});

Deno.test("dirty pages, sent as what changed, bring an older copy of memory up to date", () => {
  using machine = guestMachine("stress", STRESS);
  const copy = machine.memory.bytes.slice();
  using listener = machine.dirty.listen("test", "nothing");
  const bitmap = new Uint8Array(machine.memory.pages / 8);
  let sent = 0;
  let whole = 0;
  for (let point = 1; machine.end === undefined; point += 97) {
    runScript(machine, point);
    listener.take(bitmap);
    const dirty: number[] = [];
    forEachPage(bitmap, (page) => dirty.push(page));
    for (const { bytes } of capturePages(machine.memory, dirty, copy)) {
      sent += bytes.length;
      decodePages(
        bytes,
        machine.memory.pages,
        (page, bytes) => copy.set(bytes, page * PAGE_BYTES),
        copy,
      );
    }
    whole += dirty.length * PAGE_BYTES;
    assert.ok(Buffer.compare(copy, machine.memory.bytes) === 0, `memory at ${machine.point}`);
  }
  assert.ok(sent > 0 && sent < whole / 4, `${sent} bytes for pages of ${whole}`);
});

function change({ section, bytes }: Section, alter: (view: DataView) => void): Section {
  const copy = bytes.slice();
  alter(new DataView(copy.buffer));
  return { section, bytes: copy };
}
