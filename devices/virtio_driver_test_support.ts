/**
 * A small virtio driver over a memory of its own, for the tests of the virtio devices: what a guest does, in TypeScript.
 */
import assert from "node:assert/strict";
import type { DeviceEffect, MmioDevice } from "./device.ts";
import type { DmaMemory } from "./dma.ts";
import { type MacAddress, VirtioNet } from "./virtio_net.ts";

/** Register offsets: the specification's names. */
export const REG = {
  MagicValue: 0x000,
  Version: 0x004,
  DeviceID: 0x008,
  VendorID: 0x00c,
  DeviceFeatures: 0x010,
  DeviceFeaturesSel: 0x014,
  DriverFeatures: 0x020,
  DriverFeaturesSel: 0x024,
  QueueSel: 0x030,
  QueueSizeMax: 0x034,
  QueueSize: 0x038,
  QueueReady: 0x044,
  QueueNotify: 0x050,
  InterruptStatus: 0x060,
  InterruptACK: 0x064,
  Status: 0x070,
  QueueDescLow: 0x080,
  QueueDescHigh: 0x084,
  QueueDriverLow: 0x090,
  QueueDriverHigh: 0x094,
  QueueDeviceLow: 0x0a0,
  QueueDeviceHigh: 0x0a4,
  SHMLenLow: 0x0b0,
  SHMBaseLow: 0x0b8,
  ConfigGeneration: 0x0fc,
  Config: 0x100,
} as const;

export const FEATURE = { mtu: 3, mac: 5, indirect: 28, eventIndex: 29, version1: 32 } as const;
export const MAC: MacAddress = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
export const RX = 0;
export const TX = 1;
/** Flags of a descriptor. */
export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

/** Some memory, which nobody may leave. */
export class TestMemory implements DmaMemory {
  readonly bytes = new Uint8Array(1 << 16);
  readonly view = new DataView(this.bytes.buffer);
  /** How often it was read or written. */
  accesses = 0;

  contains(address: number, length: number): boolean {
    return address >= 0 && length >= 0 && address + length <= this.bytes.length;
  }

  read(address: number, into: Uint8Array): void {
    this.#access(address, into.length);
    into.set(this.bytes.subarray(address, address + into.length));
  }

  write(address: number, bytes: Uint8Array): void {
    this.#access(address, bytes.length);
    this.bytes.set(bytes, address);
  }

  #access(address: number, length: number): void {
    this.accesses++;
    assert.ok(
      Number.isInteger(address) && this.contains(address, length),
      `${length} at ${address}`,
    );
  }
}

/** A buffer of a chain. */
export interface Buffer {
  readonly address: number;
  readonly length: number;
  readonly flags?: number;
}

/** Where a queue is, and what the driver knows of it. */
export class DriverQueue {
  readonly descriptors: number;
  readonly driverArea: number;
  readonly deviceArea: number;
  available = 0;
  seenUsed = 0;
  #next = 0;

  /** @param base of 0x1000 bytes of memory for its parts */
  constructor(private readonly memory: TestMemory, base: number, readonly size: number) {
    this.descriptors = base;
    this.driverArea = base + 0x600;
    this.deviceArea = base + 0x800;
  }

  /** Knows from here on what another driver knows of its queue. */
  learn(other: DriverQueue): void {
    this.available = other.available;
    this.seenUsed = other.seenUsed;
    this.#next = other.#next;
  }

  /** Writes a descriptor. */
  describe(index: number, buffer: Buffer, next = 0, table = this.descriptors): void {
    const at = table + 16 * index;
    const { view } = this.memory;
    view.setBigUint64(at, BigInt(buffer.address), true);
    view.setUint32(at + 8, buffer.length, true);
    view.setUint16(at + 12, buffer.flags ?? 0, true);
    view.setUint16(at + 14, next, true);
  }

  /** Makes buffers available as one chain; returns its head. */
  add(...buffers: readonly Buffer[]): number {
    const head = this.#next;
    for (const [place, buffer] of buffers.entries()) {
      const index = this.#next;
      this.#next = (this.#next + 1) % this.size;
      const isLast = place === buffers.length - 1;
      const flags = (buffer.flags ?? 0) | (isLast ? 0 : NEXT);
      this.describe(index, { ...buffer, flags }, isLast ? 0 : this.#next);
    }
    this.offer(head);
    return head;
  }

  /** Makes the chain with this head available. */
  offer(head: number): void {
    const { view } = this.memory;
    view.setUint16(this.driverArea + 4 + 2 * (this.available % this.size), head, true);
    this.available = (this.available + 1) & 0xffff;
    view.setUint16(this.driverArea + 2, this.available, true);
  }

  /** The next chain that the device has used. */
  used(): { head: number; length: number } | undefined {
    const { view } = this.memory;
    if (view.getUint16(this.deviceArea + 2, true) === this.seenUsed) return undefined;
    const at = this.deviceArea + 4 + 8 * (this.seenUsed % this.size);
    this.seenUsed = (this.seenUsed + 1) & 0xffff;
    return { head: view.getUint32(at, true), length: view.getUint32(at + 4, true) };
  }

  get suppressesInterrupts(): boolean {
    return this.memory.view.getUint16(this.driverArea, true) === 1;
  }

  set suppressesInterrupts(value: boolean) {
    this.memory.view.setUint16(this.driverArea, value ? 1 : 0, true);
  }

  /** The driver's: after which entry of the used ring it wants an interrupt. */
  set usedEvent(index: number) {
    this.memory.view.setUint16(this.driverArea + 4 + 2 * this.size, index, true);
  }

  /** The device's: after which entry of the available ring it wants a notification. */
  get availableEvent(): number {
    return this.memory.view.getUint16(this.deviceArea + 4 + 8 * this.size, true);
  }

  /** The device's: whether it wants no notifications. */
  get isMuted(): boolean {
    return this.memory.view.getUint16(this.deviceArea, true) === 1;
  }
}

/** A network card, a driver, and its interrupt line. */
export class NetRig {
  readonly memory = new TestMemory();
  /** All levels that the line was set to. */
  readonly line: boolean[] = [];
  readonly net: VirtioNet;
  readonly rx: DriverQueue;
  readonly tx: DriverQueue;

  constructor(readonly size = 8) {
    this.net = new VirtioNet("net0", MAC, this.memory, (level) => this.line.push(level));
    this.rx = new DriverQueue(this.memory, 0x1000, size);
    this.tx = new DriverQueue(this.memory, 0x2000, size);
  }

  read(offset: number, width = 4): number {
    return readRegister(this.net, offset, width);
  }

  write(offset: number, value: number, width = 4): DeviceEffect | undefined {
    return writeRegister(this.net, offset, value, width);
  }

  /** Up to FEATURES_OK. @returns whether the device agrees */
  negotiate(...features: readonly number[]): boolean {
    this.write(REG.Status, 0);
    this.write(REG.Status, 1);
    this.write(REG.Status, 3);
    for (const word of [0, 1]) {
      const bits = features.filter((bit) => bit >> 5 === word).reduce((s, b) => s | 1 << b, 0);
      this.write(REG.DriverFeaturesSel, word);
      this.write(REG.DriverFeatures, bits >>> 0);
    }
    this.write(REG.Status, 11);
    return (this.read(REG.Status) & 8) !== 0;
  }

  /** Says where a queue is. */
  place(index: number, { size, descriptors, driverArea, deviceArea }: DriverQueue): void {
    this.write(REG.QueueSel, index);
    this.write(REG.QueueSize, size);
    this.write(REG.QueueDescLow, descriptors);
    this.write(REG.QueueDriverLow, driverArea);
    this.write(REG.QueueDeviceLow, deviceArea);
    this.write(REG.QueueReady, 1);
  }

  /** All of a driver's start. */
  start(...features: readonly number[]): void {
    assert.ok(this.negotiate(FEATURE.version1, FEATURE.mac, ...features));
    this.place(RX, this.rx);
    this.place(TX, this.tx);
    this.write(REG.Status, 15);
    assert.equal(this.read(REG.Status), 15);
  }

  notify(queue: number): DeviceEffect | undefined {
    return this.write(REG.QueueNotify, queue);
  }

  /** Writes a header and a frame into memory. */
  put(address: number, frame: Uint8Array): Buffer {
    this.memory.bytes.fill(0, address, address + 12);
    this.memory.bytes.set(frame, address + 12);
    return { address, length: 12 + frame.length };
  }
}

export function readRegister(net: MmioDevice, offset: number, width = 4): number {
  const bytes = new Uint8Array(8);
  net.readMmio(offset, width, bytes);
  return Number(new DataView(bytes.buffer).getBigUint64(0, true));
}

export function writeRegister(
  net: MmioDevice,
  offset: number,
  value: number,
  width = 4,
): DeviceEffect | undefined {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return net.writeMmio(offset, width, bytes);
}

/** A frame of so many bytes that no other number gives. */
export function frameOf(length: number, number = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7 + number);
}
