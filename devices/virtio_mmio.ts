/**
 * The registers of a virtio device in memory: how a driver finds it, negotiates with it, says where the queues are, and
 * resets it.
 *
 * After the virtio specification 1.2, 4.2 (the interface of version 2, without the legacy one), 2.1 and 2.2. What the
 * device does with its queues is its own affair: {@link VirtioKind}. A driver that lies (QueueError) is told so by
 * DEVICE_NEEDS_RESET and a configuration interrupt; from then on the device does nothing until it is reset.
 *
 * The PC's interrupt lines are edge-triggered, and the specification's is not: an acknowledgment that leaves an event
 * lets the line fall before it rises again, or that event would never be seen.
 *
 * Used by virtio_net.ts.
 */
import type { DeviceEffect, Line } from "./device.ts";
import type { DmaMemory } from "./dma.ts";
import { type DeviceState, type Part, powerOn, type RecordOf, u32, u8 } from "./state.ts";
import {
  areRingsSound,
  QUEUE_FIELDS,
  QUEUE_SIZE_MAX,
  QueueError,
  type QueueFeatures,
  type QueuePlace,
  Virtqueue,
} from "./virtqueue.ts";

/** How much of the address space the registers take, the configuration space included. */
export const VIRTIO_MMIO_BYTES = 0x200;

/** "virt". */
const MAGIC = 0x7472_6976;
const VERSION = 2;
/** "UNDS": nobody assigns these. */
const VENDOR = 0x5344_4e55;

const REGISTER = {
  magic: 0x000,
  version: 0x004,
  deviceId: 0x008,
  vendorId: 0x00c,
  deviceFeatures: 0x010,
  deviceFeaturesSelect: 0x014,
  driverFeatures: 0x020,
  driverFeaturesSelect: 0x024,
  queueSelect: 0x030,
  queueSizeMax: 0x034,
  queueSize: 0x038,
  queueReady: 0x044,
  queueNotify: 0x050,
  interruptStatus: 0x060,
  interruptAcknowledge: 0x064,
  status: 0x070,
  sharedLengthLow: 0x0b0,
  sharedLengthHigh: 0x0b4,
  sharedBaseLow: 0x0b8,
  sharedBaseHigh: 0x0bc,
  configGeneration: 0x0fc,
  config: 0x100,
} as const;

/** Where the driver says which part of a queue is. */
const PLACES: ReadonlyMap<number, Exclude<keyof QueuePlace, "size">> = new Map([
  [0x080, "descriptorLow"],
  [0x084, "descriptorHigh"],
  [0x090, "driverLow"],
  [0x094, "driverHigh"],
  [0x0a0, "deviceLow"],
  [0x0a4, "deviceHigh"],
]);

/** The bits of the device status. */
export const STATUS = {
  acknowledge: 1,
  driver: 2,
  driverOk: 4,
  featuresOk: 8,
  needsReset: 64,
  failed: 128,
} as const;
/** Those that a driver may set at any time. */
const FREE_STATUS = STATUS.acknowledge | STATUS.driver | STATUS.failed;

const INTERRUPT = { used: 1, config: 2 } as const;

/** The feature bits of every device, by their numbers. */
const INDIRECT_DESC = 28;
const EVENT_IDX = 29;
const VERSION_1 = 32;

const TRANSPORT_FIELDS = {
  status: u8({ mask: 0xcf }),
  deviceFeaturesSelect: u32(),
  driverFeaturesSelect: u32(),
  /** What the driver accepts: feature bits 0 to 31, and from 32 on. */
  driverFeaturesLow: u32(),
  driverFeaturesHigh: u32(),
  queueSelect: u32(),
  interruptStatus: u8({ mask: 0x03 }),
};

/** What makes a virtio device the one that it is. */
export interface VirtioKind {
  /** The number of its type. */
  readonly deviceId: number;
  /** Its own feature bits, by their numbers, all below 24. */
  readonly features: readonly number[];
  /** Its queues' names, in the order of their indices. */
  readonly queues: readonly string[];
  /** Its configuration space, which never changes: so its generation does not, either. */
  config(): Uint8Array;
  /** The driver is ready: DRIVER_OK. */
  started(): void;
  /** The driver has made buffers available in this queue. */
  notified(queue: number): DeviceEffect | undefined;
}

/** The registers, and the queues behind them. */
export class VirtioMmio {
  readonly queues: readonly Virtqueue[];
  /** The fields, for the device's Registers. */
  readonly parts: readonly Part[];
  readonly #s: RecordOf<typeof TRANSPORT_FIELDS> = powerOn(TRANSPORT_FIELDS);
  readonly #offeredLow: number;

  constructor(
    private readonly kind: VirtioKind,
    private readonly memory: DmaMemory,
    private readonly line: Line,
  ) {
    this.queues = kind.queues.map(() => new Virtqueue(memory));
    this.parts = [
      { part: "", table: TRANSPORT_FIELDS, record: this.#s },
      ...kind.queues.map((part, index) => {
        return { part, table: QUEUE_FIELDS, record: this.queues[index]!.s };
      }),
    ];
    this.#offeredLow = [...kind.features, INDIRECT_DESC, EVENT_IDX]
      .reduce((bits, feature) => bits | 1 << feature, 0) >>> 0;
  }

  /** Whether the driver is ready and the device works: before and after that it must not look at its queues. */
  get isLive(): boolean {
    const { driverOk, needsReset, failed } = STATUS;
    return (this.#s.status & (driverOk | needsReset | failed)) === driverOk;
  }

  /** What was negotiated about queues. */
  get features(): QueueFeatures {
    const { driverFeaturesLow } = this.#s;
    return {
      indirect: (driverFeaturesLow & 1 << INDIRECT_DESC) !== 0,
      eventIndex: (driverFeaturesLow & 1 << EVENT_IDX) !== 0,
    };
  }

  /** What is wrong with a state whose fields are each in range; for the device's Registers. */
  fault(state: DeviceState): string | undefined {
    for (const name of this.kind.queues) {
      if (state[`${name}.ready`] !== true) continue;
      const entries = Object.keys(QUEUE_FIELDS).map((key) => [key, state[`${name}.${key}`]!]);
      if (!areRingsSound(this.memory, Object.fromEntries(entries) as QueuePlace)) {
        return `${name}.ready is true of a queue that is nowhere`;
      }
    }
    return undefined;
  }

  /** Does something with the queues; a driver that lies meanwhile ends it. */
  serve(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      this.#needReset();
    }
  }

  /** Chains of this queue were used, from where `since` was its next one: interrupts the driver if it wants that. */
  used(queue: Virtqueue, since: number): void {
    if (queue.wantsInterrupt(since, this.features)) this.#raise(INTERRUPT.used);
  }

  /** Serves a read of `width` bytes at `offset` into `into`. What no register answers reads as zero. */
  read(offset: number, width: number, into: Uint8Array): void {
    into.fill(0, 0, width);
    if (offset >= REGISTER.config) {
      const config = this.kind.config();
      for (let index = 0; index < width; index++) {
        into[index] = config[offset - REGISTER.config + index] ?? 0;
      }
    } else if (width === 4 && offset % 4 === 0) {
      const value = this.#readRegister(offset);
      for (let index = 0; index < 4; index++) into[index] = value >>> 8 * index;
    }
  }

  /** Serves a write of the first `width` bytes of `data`. The configuration space can't be written. */
  write(offset: number, width: number, data: Uint8Array): DeviceEffect | undefined {
    if (offset >= REGISTER.config || width !== 4 || offset % 4 !== 0) return undefined;
    const value = (data[0]! | data[1]! << 8 | data[2]! << 16 | data[3]! << 24) >>> 0;
    if (offset === REGISTER.queueNotify) {
      const isReady = this.isLive && this.queues[value]?.s.ready === true;
      return isReady ? this.kind.notified(value) : undefined;
    }
    this.#writeRegister(offset, value);
    return undefined;
  }

  #readRegister(offset: number): number {
    const s = this.#s;
    const queue = this.queues[s.queueSelect];
    switch (offset) {
      case REGISTER.magic:
        return MAGIC;
      case REGISTER.version:
        return VERSION;
      case REGISTER.deviceId:
        return this.kind.deviceId;
      case REGISTER.vendorId:
        return VENDOR;
      case REGISTER.deviceFeatures:
        return [this.#offeredLow, 1 << VERSION_1 - 32][s.deviceFeaturesSelect] ?? 0;
      case REGISTER.queueSizeMax:
        return queue === undefined ? 0 : QUEUE_SIZE_MAX;
      case REGISTER.queueReady:
        return queue?.s.ready ? 1 : 0;
      case REGISTER.interruptStatus:
        return s.interruptStatus;
      case REGISTER.status:
        return s.status;
      case REGISTER.sharedLengthLow:
      case REGISTER.sharedLengthHigh:
      case REGISTER.sharedBaseLow:
      case REGISTER.sharedBaseHigh:
        // So the specification says that there is no shared memory.
        return 0xffff_ffff;
      default:
        return 0;
    }
  }

  #writeRegister(offset: number, value: number): void {
    const s = this.#s;
    switch (offset) {
      case REGISTER.deviceFeaturesSelect:
        s.deviceFeaturesSelect = value;
        return;
      case REGISTER.driverFeatures:
        return this.#acceptFeatures(value);
      case REGISTER.driverFeaturesSelect:
        s.driverFeaturesSelect = value;
        return;
      case REGISTER.queueSelect:
        s.queueSelect = value;
        return;
      case REGISTER.interruptAcknowledge:
        s.interruptStatus &= ~value;
        this.line(false);
        return this.line(s.interruptStatus !== 0);
      case REGISTER.status:
        return value === 0 ? this.#reset() : this.#setStatus(value);
      default:
        return this.#configureQueue(offset, value);
    }
  }

  /** No feature has a bit of a further word: what a driver accepts there is of no effect. */
  #acceptFeatures(value: number): void {
    const s = this.#s;
    if ((s.status & STATUS.featuresOk) !== 0) return;
    if (s.driverFeaturesSelect === 0) s.driverFeaturesLow = value;
    else if (s.driverFeaturesSelect === 1) s.driverFeaturesHigh = value;
  }

  #setStatus(value: number): void {
    const s = this.#s;
    const before = s.status;
    s.status |= value & FREE_STATUS;
    const { driverFeaturesLow: low, driverFeaturesHigh: high } = s;
    const isSubset = (low & ~this.#offeredLow) === 0 && high === 1 << VERSION_1 - 32;
    if (isSubset) s.status |= value & STATUS.featuresOk;
    if ((s.status & STATUS.featuresOk) !== 0) s.status |= value & STATUS.driverOk;
    if (this.isLive && (before & STATUS.driverOk) === 0) this.kind.started();
  }

  #configureQueue(offset: number, value: number): void {
    const queue = this.queues[this.#s.queueSelect];
    const isNegotiated = (this.#s.status & STATUS.featuresOk) !== 0;
    if (queue === undefined || !isNegotiated) return;
    if (offset === REGISTER.queueReady && value === 0) queue.s.ready = false;
    if (queue.s.ready) return;
    const place = PLACES.get(offset);
    if (place !== undefined) queue.s[place] = value;
    // A size that can't be is kept as none, so that it is found when the queue is to be ready.
    else if (offset === REGISTER.queueSize) queue.s.size = value > QUEUE_SIZE_MAX ? 0 : value;
    else if (offset === REGISTER.queueReady && value === 1) this.serve(() => queue.enable());
  }

  #reset(): void {
    Object.assign(this.#s, powerOn(TRANSPORT_FIELDS));
    for (const queue of this.queues) queue.reset();
    this.line(false);
  }

  #needReset(): void {
    this.#s.status |= STATUS.needsReset;
    if ((this.#s.status & STATUS.driverOk) !== 0) this.#raise(INTERRUPT.config);
  }

  #raise(event: number): void {
    this.#s.interruptStatus |= event;
    this.line(true);
  }
}
