/** The registers of a virtio device, by the example of the network card. */
import assert from "node:assert/strict";
import { PeerError } from "../base/errors.ts";
import { DriverQueue, FEATURE, NetRig, REG, RX, TX } from "./virtio_driver_test_support.ts";

const NEEDS_RESET = 64;

Deno.test("a driver finds a network card of version 2, and its features word by word", () => {
  const rig = new NetRig();
  assert.equal(rig.read(REG.MagicValue), 0x74726976);
  assert.equal(rig.read(REG.Version), 2);
  assert.equal(rig.read(REG.DeviceID), 1);
  assert.notEqual(rig.read(REG.VendorID), 0);
  const { mtu, mac, indirect, eventIndex } = FEATURE;
  const low = [mtu, mac, indirect, eventIndex].reduce((bits, bit) => bits | 1 << bit, 0) >>> 0;
  for (const [word, bits] of [[0, low], [1, 1], [2, 0], [0xffff_ffff, 0]] as const) {
    rig.write(REG.DeviceFeaturesSel, word);
    assert.equal(rig.read(REG.DeviceFeatures), bits);
  }
});

Deno.test("the configuration space has the MAC address and the MTU, at any width, and can't be written", () => {
  const rig = new NetRig();
  const bytes = [0, 1, 2, 3, 4, 5].map((at) => rig.read(REG.Config + at, 1));
  assert.deepEqual(bytes, [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]);
  assert.equal(rig.read(REG.Config, 4), 0x12005452);
  assert.equal(rig.read(REG.Config + 10, 2), 1500);
  assert.equal(rig.read(REG.Config + 12, 4), 0);
  assert.equal(rig.read(0x1fc, 4), 0);
  rig.write(REG.Config, 0xff, 1);
  assert.equal(rig.read(REG.Config, 1), 0x52);
  assert.equal(rig.read(REG.ConfigGeneration), 0);
});

Deno.test("features are agreed upon if they were offered and version 1 is among them, and stay so until a reset", () => {
  const rig = new NetRig();
  assert.equal(rig.negotiate(FEATURE.version1), true);
  assert.equal(rig.negotiate(FEATURE.version1, FEATURE.mtu, FEATURE.indirect), true);
  assert.equal(rig.negotiate(FEATURE.mac), false, "without version 1");
  assert.equal(rig.negotiate(FEATURE.version1, 0), false, "a feature that was not offered");
  assert.equal(rig.negotiate(FEATURE.version1, 33), false, "likewise");
  assert.equal(rig.read(REG.Status), 3);
  rig.write(REG.Status, 15);
  assert.equal(rig.read(REG.Status), 3, "no driver is ready without features");
  assert.equal(rig.negotiate(FEATURE.version1), true);
  rig.write(REG.DriverFeaturesSel, 0);
  rig.write(REG.DriverFeatures, 1);
  rig.write(REG.Status, 15);
  assert.equal(rig.read(REG.Status), 15, "what comes too late is not heard");
});

Deno.test("status bits are set by the driver and cleared by a reset alone; the device's own it can't set", () => {
  const rig = new NetRig();
  rig.write(REG.Status, 1 | NEEDS_RESET);
  assert.equal(rig.read(REG.Status), 1);
  rig.write(REG.Status, 2);
  assert.equal(rig.read(REG.Status), 3);
  rig.write(REG.Status, 128);
  assert.equal(rig.read(REG.Status), 131);
  rig.write(REG.Status, 0);
  assert.equal(rig.read(REG.Status), 0);
});

Deno.test("there are two queues, which are configured while they are not ready", () => {
  const rig = new NetRig();
  rig.start();
  for (const [index, max] of [[RX, 64], [TX, 64], [2, 0], [0xffff_ffff, 0]] as const) {
    rig.write(REG.QueueSel, index);
    assert.equal(rig.read(REG.QueueSizeMax), max);
    assert.equal(rig.read(REG.QueueReady), max === 0 ? 0 : 1);
  }
  rig.write(REG.QueueSel, TX);
  rig.write(REG.QueueDescLow, 3);
  rig.write(REG.QueueReady, 0);
  assert.equal(rig.read(REG.QueueReady), 0);
  rig.write(REG.QueueReady, 1);
  assert.equal(rig.read(REG.QueueReady), 1, "its place had not changed");
});

Deno.test("a queue that is nowhere, or of no size, needs a reset", () => {
  const sound = { size: 8, descriptors: 0x1000, driverArea: 0x1600, deviceArea: 0x1800 };
  const places = [
    { ...sound, size: 0 },
    { ...sound, size: 3 },
    { ...sound, size: 128 },
    { ...sound, descriptors: 0x1008 },
    { ...sound, driverArea: 0x1601 },
    { ...sound, deviceArea: 0x1802 },
    { ...sound, descriptors: 0xffff_fff0 },
    { ...sound, descriptors: 0xff90 },
    { ...sound, driverArea: 0xffec },
    { ...sound, deviceArea: 0xffbc },
  ];
  for (const place of places) {
    const rig = new NetRig();
    rig.negotiate(FEATURE.version1);
    rig.place(RX, place as DriverQueue);
    assert.equal(rig.read(REG.QueueReady), 0, JSON.stringify(place));
    assert.equal(rig.read(REG.Status) & NEEDS_RESET, NEEDS_RESET);
    assert.equal(rig.read(REG.InterruptStatus), 0, "no driver is ready to hear of it");
  }
  const rig = new NetRig();
  rig.negotiate(FEATURE.version1);
  rig.write(REG.QueueDeviceHigh, 1);
  rig.place(RX, sound as DriverQueue);
  assert.equal(rig.read(REG.QueueReady), 0);
  rig.negotiate(FEATURE.version1);
  rig.place(RX, { ...sound, deviceArea: 0xffb8 } as DriverQueue);
  assert.equal(rig.read(REG.QueueReady), 1, "up to the end of memory");
});

Deno.test("registers are 32 bits wide; other accesses, and places without a register, read as zero", () => {
  const rig = new NetRig();
  assert.equal(rig.read(REG.MagicValue, 1), 0);
  assert.equal(rig.read(REG.MagicValue, 8), 0);
  assert.equal(rig.read(REG.MagicValue + 1), 0);
  assert.equal(rig.read(0x0c0), 0);
  assert.equal(rig.read(REG.QueueNotify), 0);
  rig.write(REG.Status, 1, 1);
  rig.write(REG.MagicValue, 5);
  assert.equal(rig.read(REG.Status), 0);
  assert.equal(rig.read(REG.SHMLenLow), 0xffff_ffff);
  assert.equal(rig.read(REG.SHMBaseLow), 0xffff_ffff);
});

Deno.test("an acknowledgment that leaves an event lets the line fall and rise", () => {
  const rig = new NetRig();
  rig.start();
  rig.tx.add(rig.put(0x8000, new Uint8Array(60)));
  rig.notify(TX);
  rig.tx.available += 9; // More than there can be.
  rig.tx.offer(0);
  rig.notify(TX);
  assert.equal(rig.read(REG.InterruptStatus), 3);
  rig.line.length = 0;
  rig.write(REG.InterruptACK, 1);
  assert.deepEqual(rig.line, [false, true]);
  assert.equal(rig.read(REG.InterruptStatus), 2);
  rig.write(REG.InterruptACK, 3);
  assert.deepEqual(rig.line.slice(2), [false, false]);
});

Deno.test("a reset is a card as at power-on, and its line is low", () => {
  const rig = new NetRig();
  const fresh = rig.net.state();
  rig.start(FEATURE.eventIndex);
  rig.tx.add(rig.put(0x8000, new Uint8Array(60)));
  rig.notify(TX);
  rig.write(REG.Status, 0);
  assert.equal(rig.line.at(-1), false);
  assert.deepEqual(rig.net.state(), { ...fresh, txTotal: 62 }, "but what has left has left");
});

Deno.test("a state with a ready queue that is nowhere is refused, and changes nothing", () => {
  const rig = new NetRig();
  rig.start();
  const state = rig.net.state();
  for (const change of [{ "rx.size": 7 }, { "tx.descriptorLow": 8 }, { "rx.deviceHigh": 1 }]) {
    assert.throws(
      () => rig.net.restore({ ...state, ...change, txTotal: 5 }),
      (error) =>
        error instanceof PeerError && /net0\.[rt]x\.ready is true of a queue/.test(error.message),
    );
    assert.deepEqual(rig.net.state(), state);
  }
  rig.net.restore({ ...state, "rx.ready": false, "rx.size": 7 });
});
