/** Frames through the network card: what a driver that keeps the rules sees, and one that does not. */
import assert from "node:assert/strict";
import { DefectError } from "../base/assert.ts";
import {
  FEATURE,
  frameOf,
  INDIRECT,
  NetRig,
  NEXT,
  REG,
  RX,
  TX,
  WRITE,
} from "./virtio_driver_test_support.ts";
import { FRAME_BYTES_MAX, joinFrames, splitFrames } from "./net_frames.ts";

const USED = 1;
const CONFIG = 2;
const output = (...frames: Uint8Array[]) => ({
  kind: "output",
  sink: "net",
  bytes: joinFrames(frames),
});
const buffer = (address: number, length = 1526) => ({ address, length, flags: WRITE });

/** The card has found out, and the driver knows. */
function assertNeedsReset(rig: NetRig, why: string): void {
  assert.equal(rig.read(REG.Status), 15 | 64, why);
  assert.equal(rig.read(REG.InterruptStatus) & CONFIG, CONFIG, why);
  assert.equal(rig.line.at(-1), true);
  assert.equal(rig.net.canReceive(), false);
  assert.equal(rig.notify(TX), undefined);
}

Deno.test("what the guest sends is output, frame by frame, whatever buffers it lies in", () => {
  const rig = new NetRig();
  rig.start();
  const [small, large] = [frameOf(14), frameOf(FRAME_BYTES_MAX, 2)];
  const one = rig.tx.add(rig.put(0x8000, small));
  rig.put(0x9000, large);
  const two = rig.tx.add(
    { address: 0x9000, length: 5 },
    { address: 0x9005, length: 0 },
    { address: 0x9005, length: 7 + FRAME_BYTES_MAX },
  );
  assert.deepEqual(rig.notify(TX), output(small, large));
  assert.deepEqual(rig.tx.used(), { head: one, length: 0 });
  assert.deepEqual(rig.tx.used(), { head: two, length: 0 });
  assert.equal(rig.net.txTotal, 2 + 14 + 2 + FRAME_BYTES_MAX);
  assert.equal(rig.read(REG.InterruptStatus), USED);
  assert.deepEqual(rig.line.at(-1), true);
  assert.equal(rig.notify(TX), undefined, "nothing is sent twice");
});

Deno.test("a frame that can't be one is used and not sent, and the others are", () => {
  const rig = new NetRig();
  rig.start();
  for (const length of [0, 11, 12, 25, 12 + FRAME_BYTES_MAX + 1]) {
    rig.tx.add({ address: 0x8000, length });
  }
  rig.tx.add(rig.put(0x9000, frameOf(60)));
  assert.deepEqual(rig.notify(TX), output(frameOf(60)));
  for (let count = 0; count < 6; count++) assert.ok(rig.tx.used());
  assert.equal(rig.net.state()["txDropped"], 5);
});

Deno.test("a frame that arrives is in the guest's buffer at once, behind a header", () => {
  const rig = new NetRig();
  rig.start();
  assert.equal(rig.net.canReceive(), false, "the guest has given no buffer");
  const head = rig.rx.add(buffer(0x8000));
  const parted = rig.rx.add(buffer(0x9000, 12), buffer(0xa000, 20), buffer(0xb000, 28));
  assert.equal(rig.net.canReceive(), true);
  rig.net.receive(frameOf(1514));
  rig.net.receive(frameOf(48, 9));
  assert.deepEqual(rig.rx.used(), { head, length: 12 + 1514 });
  assert.deepEqual(rig.rx.used(), { head: parted, length: 60 });
  const { bytes } = rig.memory;
  assert.deepEqual([...bytes.subarray(0x8000, 0x800c)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  assert.deepEqual(bytes.slice(0x800c, 0x800c + 1514), frameOf(1514));
  assert.deepEqual(bytes.slice(0xa000, 0xa014), frameOf(48, 9).slice(0, 20));
  assert.deepEqual(bytes.slice(0xb000, 0xb01c), frameOf(48, 9).slice(20));
  assert.equal(rig.read(REG.InterruptStatus), USED);
  assert.equal(rig.net.canReceive(), false);
  assert.equal(rig.net.rxTotal, 2);
});

Deno.test("nothing is received before the driver is ready, nor without a buffer", () => {
  const rig = new NetRig();
  assert.throws(() => rig.net.receive(frameOf(60)), DefectError);
  rig.start();
  assert.throws(() => rig.net.receive(frameOf(60)), DefectError);
  rig.rx.add(buffer(0x8000));
  assert.throws(() => rig.net.receive(frameOf(FRAME_BYTES_MAX + 1)), DefectError);
  rig.write(REG.QueueSel, RX);
  rig.write(REG.QueueReady, 0);
  assert.equal(rig.net.canReceive(), false);
});

Deno.test("a frame that is too large for the buffer is lost, and the buffer is still there", () => {
  const rig = new NetRig();
  rig.start();
  const head = rig.rx.add(buffer(0x8000, 100));
  rig.net.receive(frameOf(89));
  assert.equal(rig.rx.used(), undefined);
  assert.equal(rig.read(REG.InterruptStatus), 0);
  rig.net.receive(frameOf(88));
  assert.deepEqual(rig.rx.used(), { head, length: 100 });
  assert.equal(rig.net.state()["rxDropped"], 1);
});

Deno.test("a queue goes round, and its indices go on from 65535 to 0", () => {
  const rig = new NetRig(4);
  rig.start(FEATURE.eventIndex);
  for (let count = 0; count < 66_000; count++) {
    rig.tx.add(rig.put(0x8000, frameOf(20, count)));
    assert.deepEqual(rig.notify(TX), output(frameOf(20, count)));
    assert.deepEqual(rig.tx.used()?.length, 0);
    assert.equal(rig.tx.availableEvent, (count + 1) & 0xffff);
  }
});

Deno.test("a driver that wants no interrupts gets none: by its flag", () => {
  const rig = new NetRig();
  rig.start();
  assert.equal(rig.rx.isMuted, true, "the card need not be told of buffers to receive into");
  assert.equal(rig.tx.isMuted, false);
  rig.tx.suppressesInterrupts = true;
  rig.tx.usedEvent = 0;
  rig.tx.add(rig.put(0x8000, frameOf(60)));
  assert.ok(rig.notify(TX));
  assert.equal(rig.read(REG.InterruptStatus), 0);
  rig.tx.suppressesInterrupts = false;
  rig.tx.add(rig.put(0x8000, frameOf(60)));
  rig.notify(TX);
  assert.equal(rig.read(REG.InterruptStatus), USED);
});

Deno.test("with an event index it gets one when the ring has come to where it said, and by no flag", () => {
  const rig = new NetRig();
  rig.start(FEATURE.eventIndex);
  assert.equal(rig.rx.isMuted, false, "an event index says it");
  rig.rx.suppressesInterrupts = true;
  rig.rx.usedEvent = 2;
  const interrupts: number[] = [];
  for (let count = 0; count < 4; count++) {
    rig.rx.add(buffer(0x8000));
    rig.net.receive(frameOf(60));
    interrupts.push(rig.read(REG.InterruptStatus));
    rig.write(REG.InterruptACK, 3);
  }
  assert.deepEqual(interrupts, [0, 0, USED, 0]);
  rig.tx.usedEvent = 1;
  for (let count = 0; count < 3; count++) rig.tx.add(rig.put(0x8000, frameOf(60)));
  rig.notify(TX);
  assert.equal(rig.read(REG.InterruptStatus), USED, "it lies among those used in one go");
});

Deno.test("a chain may end in an indirect table", () => {
  const rig = new NetRig();
  rig.start(FEATURE.indirect);
  rig.put(0x8000, frameOf(60));
  const table = 0x6000;
  rig.tx.describe(0, { address: 0x800c, length: 20, flags: NEXT }, 2, table);
  rig.tx.describe(2, { address: 0x8020, length: 40 }, 0, table);
  rig.tx.add({ address: 0x8000, length: 12 }, {
    address: table,
    length: 48,
    flags: INDIRECT | WRITE,
  });
  assert.deepEqual(rig.notify(TX), output(frameOf(60)));
});

Deno.test("a driver that breaks the rules of queues is told to reset, and what it sent before is sent", () => {
  const lies: Record<string, (rig: NetRig) => void> = {
    "more chains than entries": ({ tx }) => {
      tx.available += 8;
      tx.offer(0);
    },
    "a head beyond the table": ({ tx }) => tx.offer(8),
    "a buffer outside of memory": ({ tx }) => tx.add({ address: 0xfff0, length: 17 }),
    "an address of 64 bits": ({ tx }) => tx.add({ address: 2 ** 60, length: 20 }),
    "a length of 32 bits": ({ tx }) => tx.add({ address: 0x8000, length: 0xffff_ffff }),
    "a loop": ({ tx }) => {
      tx.describe(1, { address: 0x8000, length: 1, flags: NEXT }, 1);
      tx.offer(1);
    },
    "a next beyond the table": ({ tx }) => {
      tx.describe(1, { address: 0x8000, length: 1, flags: NEXT }, 8);
      tx.offer(1);
    },
    "a readable buffer behind a writable one": ({ tx }) => {
      tx.add(buffer(0x8000), { address: 0x9000, length: 20 });
    },
    "an indirect table in an indirect table": ({ tx }) => {
      tx.describe(0, { address: 0x6000, length: 16, flags: INDIRECT }, 0, 0x6000);
      tx.add({ address: 0x6000, length: 16, flags: INDIRECT });
    },
    "an indirect table that goes on": ({ tx }) => {
      tx.add({ address: 0x6000, length: 16, flags: INDIRECT }, { address: 0x8000, length: 4 });
    },
    "an indirect table of no size": ({ tx }) => {
      tx.add({ address: 0x6000, length: 0, flags: INDIRECT });
    },
    "an indirect table of an odd size": ({ tx }) => {
      tx.add({ address: 0x6000, length: 24, flags: INDIRECT });
    },
    "a loop in an indirect table": ({ tx }) => {
      tx.describe(0, { address: 0x8000, length: 1, flags: NEXT }, 0, 0x6000);
      tx.add({ address: 0x6000, length: 160, flags: INDIRECT });
    },
  };
  for (const [why, lie] of Object.entries(lies)) {
    const rig = new NetRig();
    rig.start(FEATURE.indirect);
    rig.rx.add(buffer(0xa000));
    rig.tx.add(rig.put(0x8000, frameOf(60)));
    lie(rig);
    const isFound = why !== "more chains than entries";
    assert.deepEqual(rig.notify(TX), isFound ? output(frameOf(60)) : undefined, why);
    assertNeedsReset(rig, why);
    rig.start();
    rig.tx.available = 0;
    rig.memory.view.setUint16(rig.tx.driverArea + 2, 0, true);
    rig.tx.add(rig.put(0x8000, frameOf(60)));
    assert.deepEqual(rig.notify(TX), output(frameOf(60)), "after a reset all is well");
  }
});

Deno.test("an indirect table that was not agreed upon is a lie", () => {
  const rig = new NetRig();
  rig.start();
  rig.tx.add({ address: 0x6000, length: 16, flags: INDIRECT });
  rig.notify(TX);
  assertNeedsReset(rig, "not agreed upon");
});

Deno.test("a lie about buffers to receive into is found by the frame that arrives", () => {
  const rig = new NetRig();
  rig.start();
  rig.rx.add(buffer(0xfff0));
  rig.net.receive(frameOf(60));
  assertNeedsReset(rig, "a buffer outside of memory");
});

Deno.test("rings that lie over one another do not make the card go on for ever", () => {
  const rig = new NetRig();
  rig.negotiate(FEATURE.version1);
  const { tx } = rig;
  // The used ring's index is the available ring's: whatever is used seems to be available.
  rig.place(TX, Object.assign(Object.create(tx), { deviceArea: tx.driverArea }));
  rig.write(REG.Status, 15);
  tx.add(rig.put(0x8000, frameOf(60)));
  rig.notify(TX);
  assert.ok(rig.memory.accesses < 100, `${rig.memory.accesses}`);
});

Deno.test("frames in a stream are told from one another, and what is no such stream is refused", () => {
  const frames = [frameOf(14), frameOf(1514, 3), frameOf(60, 5)];
  const stream = joinFrames(frames);
  assert.deepEqual([...splitFrames(stream)].map((frame) => frame.slice()), frames);
  assert.deepEqual([...splitFrames(new Uint8Array(0))], []);
  for (const bad of [stream.slice(0, -1), stream.slice(1), Uint8Array.of(60), new Uint8Array(9)]) {
    assert.throws(() => [...splitFrames(bad)], /a network frame of/);
  }
});
