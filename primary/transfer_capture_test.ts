import assert from "node:assert/strict";
import { Digester } from "../machine/digest.ts";
import { FrameDecoder } from "../codec/codec.ts";
import { decodePages } from "../codec/pages.ts";
import { HostMemory } from "../ffi/host_memory.ts";
import { Channel } from "../machine/channel.ts";
import { PAGE_BYTES } from "../machine/memory_map.ts";
import { readDirty, readFrame, readStaged, RecordKind } from "../machine/records.ts";
import { Ring } from "../machine/ring.ts";
import { StateSection } from "../machine/state.ts";
import { emptyMachine, memoryBytes } from "../machine/testing.ts";
import { markOf } from "./log_writer.ts";
import { SessionLog } from "./session_log.ts";
import { TransferCapture } from "./transfer_capture.ts";

const PAGES_PER_FRAME = 2;
const MEMORY_PAGES = memoryBytes / PAGE_BYTES;

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
  const { sequence, sections, dirty } = capture.finish(lastRound, ring);
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
  assert.deepEqual(machine.dirty.listeners, ["state transfer"], "it is another's now");
  dirty[Symbol.dispose]();
  assert.deepEqual(machine.dirty.listeners, []);
});

Deno.test("a transfer that is broken off listens no more", () => {
  using machine = emptyMachine();
  const capture = new TransferCapture(machine, 7);
  assert.deepEqual(machine.dirty.listeners, ["state transfer"]);
  capture[Symbol.dispose]();
  assert.deepEqual(machine.dirty.listeners, []);
});

Deno.test("a page that is written once the last ones are copied out is in the log's next state, whoever wrote it and when", () => {
  using machine = emptyMachine();
  using staging = HostMemory.allocate(PAGE_BYTES);
  const channel = Channel.create();
  const write = (page: number) => machine.memory.write(page * PAGE_BYTES, filled(page));
  const capture = new TransferCapture(machine, 7);
  write(20);
  const lastRound = {
    sequence: 0,
    staging: { address: Number(staging.address), pages: 1 },
    pagesPerFrame: PAGES_PER_FRAME,
  };
  const first = capture.finish(lastRound, channel.notices);
  write(21);
  using digester = new Digester(machine, "everything");
  const session = new SessionLog(
    machine,
    {
      type: "startLog",
      session: 7,
      generation: 1,
      frameAgeMs: 1000,
      checkpointing: true,
      epochLengthMs: 1,
    },
    first,
    channel,
    0,
    { digester, verify: "off" },
  );
  write(22);
  capture[Symbol.dispose]();
  write(23);
  using decoder = new FrameDecoder();
  statesIn(channel, decoder);
  const logState = () => {
    machine.point++;
    session.state(machine, markOf(machine), [], 0);
    return statesIn(channel, decoder);
  };
  assert.deepEqual(logState(), [21, 22, 23]);
  write(24);
  assert.deepEqual(logState(), [24]);
  session[Symbol.dispose]();
  assert.deepEqual(machine.dirty.listeners, ["memory digest"]);
});

/** Reads what has been logged since; returns the pages in it. @param decoder has opened what was logged before */
function statesIn({ notices }: Channel, decoder: FrameDecoder): number[] {
  const pages: number[] = [];
  for (let record = notices.tryRead(); record !== undefined; record = notices.tryRead()) {
    if (record.kind !== RecordKind.frame) continue;
    decoder.open(readFrame(record.body).bytes);
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
      if (event.kind !== "state" || event.section !== StateSection.pages) continue;
      decodePages(event.bytes, MEMORY_PAGES, (page) => pages.push(page));
    }
  }
  return pages;
}
