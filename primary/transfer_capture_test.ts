import assert from "node:assert/strict";
import { HostMemory } from "../ffi/host_memory.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";
import { readDirty, readStaged, RecordKind } from "../machine/records.ts";
import { Ring } from "../machine/ring.ts";
import { StateSection } from "../machine/state.ts";
import { emptyMachine } from "../machine/testing.ts";
import { TransferCapture } from "./transfer_capture.ts";

const PAGES_PER_FRAME = 2;

/** What is in a page of a test. */
const filled = (byte: number) => new Uint8Array(PAGE_BYTES).fill(byte);

Deno.test("what was told and not sent, and what was written since, is copied out; what has no room goes the log's way", () => {
  using machine = emptyMachine();
  using staging = HostMemory.allocate(3 * PAGE_BYTES);
  const ring = Ring.create(1 << 16);
  const write = (page: number, byte: number) =>
    machine.memory.write(page * PAGE_BYTES, filled(byte));
  write(1, 1);
  const capture = new TransferCapture(machine, 7);
  write(20, 2);
  capture.takeDirty(ring);
  const told = ring.tryRead()!;
  assert.equal(told.kind, RecordKind.dirty);
  const { session, bitmap } = readDirty(told.body);
  assert.equal(session, 7);
  assert.deepEqual([...bitmap].flatMap((byte, index) => byte === 0 ? [] : [[index, byte]]), [[
    2,
    1 << 4,
  ]]);
  for (const [page, byte] of [[20, 3], [21, 4], [40, 5], [41, 6]] as const) write(page, byte);
  const lastRound = {
    sequence: 10,
    staging: { address: Number(staging.address), pages: 3 },
    pagesPerFrame: PAGES_PER_FRAME,
  };
  const { sequence, sections } = capture.finish(lastRound, ring);
  assert.equal(sequence, 12, "three pages are two frames");
  const { body } = ring.tryRead()!;
  assert.deepEqual(readStaged(body), { session: 7, pages: [20, 21, 40] });
  for (const [place, byte] of [3, 4, 5].entries()) {
    const page = staging.bytes.subarray(place * PAGE_BYTES, (place + 1) * PAGE_BYTES);
    assert.deepEqual(new Uint8Array(page), filled(byte));
  }
  assert.deepEqual([...sections].map(({ section }) => section), [
    StateSection.pages,
    StateSection.machine,
  ]);
  assert.deepEqual(machine.dirty.listeners, ["state transfer"]);
  capture[Symbol.dispose]();
  assert.deepEqual(machine.dirty.listeners, []);
});
