import assert from "node:assert/strict";
import { GuestError, UsageError } from "../base/errors.ts";
import { GuestMemory } from "./guest_memory.ts";
import {
  COMMAND_LINE_ADDRESS,
  HIGH_MEMORY_START,
  LOW_MEMORY_END,
  MEMORY_MAP_ADDRESS,
  START_INFO_ADDRESS,
} from "./memory_map.ts";
import { type BootSource, loadGuest } from "./pvh.ts";

const MEMORY_BYTES = 4 << 20;
const CODE = Uint8Array.of(1, 2, 3);

function freshMemory(): { memory: GuestMemory; view: DataView } {
  const bytes = new Uint8Array(MEMORY_BYTES);
  return { memory: new GuestMemory(bytes), view: new DataView(bytes.buffer) };
}

function source(
  change: Partial<BootSource> = {},
  address = HIGH_MEMORY_START,
  size = 8,
): BootSource {
  const segments = [{ address, bytes: CODE, memoryBytes: size }];
  return { image: { entry: address, segments }, name: "it", commandLine: "", ...change };
}

Deno.test("the image, the start info and the command line are where PVH says", () => {
  const { memory, view } = freshMemory();
  loadGuest(memory, source({ commandLine: "a b" }));
  assert.deepEqual(memory.bytes.slice(HIGH_MEMORY_START, HIGH_MEMORY_START + 3), CODE);
  assert.equal(view.getUint32(START_INFO_ADDRESS, true), 0x336e_c578);
  assert.equal(view.getUint32(START_INFO_ADDRESS + 4, true), 1);
  assert.equal(view.getUint32(START_INFO_ADDRESS + 12, true), 0, "modules");
  assert.equal(view.getBigUint64(START_INFO_ADDRESS + 24, true), BigInt(COMMAND_LINE_ADDRESS));
  assert.equal(view.getBigUint64(START_INFO_ADDRESS + 40, true), BigInt(MEMORY_MAP_ADDRESS));
  assert.equal(view.getUint32(START_INFO_ADDRESS + 48, true), 2);
  const text = memory.bytes.slice(COMMAND_LINE_ADDRESS, COMMAND_LINE_ADDRESS + 4);
  assert.equal(new TextDecoder().decode(text), "a b\0");
});

Deno.test("the memory map has all memory but the legacy hole", () => {
  const { memory, view } = freshMemory();
  loadGuest(memory, source());
  const entries = [0, 1].map((index) => {
    const at = MEMORY_MAP_ADDRESS + 24 * index;
    return [
      Number(view.getBigUint64(at, true)),
      Number(view.getBigUint64(at + 8, true)),
      view.getUint32(at + 16, true),
    ];
  });
  assert.deepEqual(entries, [
    [0, LOW_MEMORY_END, 1],
    [HIGH_MEMORY_START, MEMORY_BYTES - HIGH_MEMORY_START, 1],
  ]);
});

Deno.test("a module lies behind the image's memory, page aligned, and the start info names it", () => {
  const { memory, view } = freshMemory();
  const module = Uint8Array.of(9, 8, 7);
  loadGuest(memory, source({ module }, HIGH_MEMORY_START, 5000));
  assert.equal(view.getUint32(START_INFO_ADDRESS + 12, true), 1);
  const list = Number(view.getBigUint64(START_INFO_ADDRESS + 16, true));
  const address = Number(view.getBigUint64(list, true));
  assert.equal(address, HIGH_MEMORY_START + 8192);
  assert.equal(view.getBigUint64(list + 8, true), 3n);
  assert.deepEqual(memory.bytes.slice(address, address + 3), module);
});

Deno.test("an image that wants low memory is refused", () => {
  for (const address of [0, START_INFO_ADDRESS, HIGH_MEMORY_START - 1]) {
    const { memory } = freshMemory();
    assert.throws(() => loadGuest(memory, source({}, address)), GuestError);
  }
});

Deno.test("an image larger than memory is refused, with the advice to give more", () => {
  for (const size of [MEMORY_BYTES - HIGH_MEMORY_START + 1, 2 ** 53, Infinity]) {
    const { memory } = freshMemory();
    assert.throws(() => loadGuest(memory, source({}, HIGH_MEMORY_START, size)), (error) => {
      assert.ok(error instanceof GuestError);
      assert.match(error.message, /--memory/);
      return true;
    });
  }
});

Deno.test("an image that fills memory is loaded, but not with a module behind it", () => {
  const size = MEMORY_BYTES - HIGH_MEMORY_START;
  loadGuest(freshMemory().memory, source({}, HIGH_MEMORY_START, size));
  const module = Uint8Array.of(1);
  const { memory } = freshMemory();
  assert.throws(
    () => loadGuest(memory, source({ module }, HIGH_MEMORY_START, size)),
    /with its module/,
  );
});

Deno.test("a command line of 2047 bytes is the longest", () => {
  loadGuest(freshMemory().memory, source({ commandLine: "x".repeat(2047) }));
  for (const commandLine of ["x".repeat(2048), "ü".repeat(1024)]) {
    const { memory } = freshMemory();
    assert.throws(() => loadGuest(memory, source({ commandLine })), UsageError);
  }
});
