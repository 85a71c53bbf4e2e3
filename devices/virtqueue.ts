/**
 * A split virtqueue, as the device sees it: takes chains of buffers that the driver has made available, and gives them
 * back as used.
 *
 * After the virtio specification 1.2, 2.7. The three parts of a queue of n entries, all in guest memory:
 *
 * ```
 * descriptor area   n x ( u64 address │ u32 length │ u16 flags │ u16 next )
 * driver area       u16 flags │ u16 idx │ n x u16 head │ u16 used_event            the device only reads it
 * device area       u16 flags │ u16 idx │ n x ( u32 head │ u32 length ) │ u16 avail_event
 * ```
 *
 * Nothing that a driver writes there is believed: each index, address and length is checked, each loop ends after at
 * most n steps, and what can't be is a {@link QueueError}. The parts may lie over one another, so that the device's own
 * writes change what it reads next: what bounds a loop is read once.
 *
 * Called by virtio_mmio.ts, which has the registers, and by the devices behind it.
 */
import type { DmaMemory } from "./dma.ts";
import { flag, powerOn, type RecordOf, u16, u32 } from "./state.ts";

/** The most entries. 64 frames in one go are 97 KiB of output, of which two fit into a section of a state. */
export const QUEUE_SIZE_MAX = 64;

/** What a queue remembers. */
export const QUEUE_FIELDS = {
  size: u16({ max: QUEUE_SIZE_MAX }),
  ready: flag(),
  descriptorLow: u32(),
  descriptorHigh: u32(),
  driverLow: u32(),
  driverHigh: u32(),
  deviceLow: u32(),
  deviceHigh: u32(),
  /** The entry of the available ring that is taken next: counts on modulo 2^16. */
  nextAvailable: u16(),
  /** The entry of the used ring that is written next, likewise. */
  nextUsed: u16(),
};

const DESCRIPTOR_BYTES = 16;
const DESCRIPTOR = { next: 1, write: 2, indirect: 4 } as const;
/** VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY. */
const SUPPRESS = 1;
const RING_ENTRIES_AT = 4;
const AVAILABLE_ENTRY_BYTES = 2;
const USED_ENTRY_BYTES = 8;

/** The driver has broken the rules: the device is of no use before it is reset. */
export class QueueError extends Error {}

/** What was negotiated about queues. */
export interface QueueFeatures {
  /** VIRTIO_F_INDIRECT_DESC. */
  readonly indirect: boolean;
  /** VIRTIO_F_EVENT_IDX. */
  readonly eventIndex: boolean;
}

/** Part of a chain: all of it is guest memory. */
export interface Span {
  readonly address: number;
  readonly length: number;
}

/** Buffers that belong together. */
export interface Chain {
  /** What the driver knows it by. */
  readonly head: number;
  /** The device may read these, in order. */
  readonly readable: readonly Span[];
  /** And write these. */
  readonly writable: readonly Span[];
}

/** One queue. */
export class Virtqueue {
  /** Its state; virtio_mmio.ts writes the fields that registers show. */
  readonly s: RecordOf<typeof QUEUE_FIELDS> = powerOn(QUEUE_FIELDS);
  readonly #scratch = new Uint8Array(DESCRIPTOR_BYTES);
  readonly #view = new DataView(this.#scratch.buffer);

  constructor(private readonly memory: DmaMemory) {}

  /** As at power-on. */
  reset(): void {
    Object.assign(this.s, powerOn(QUEUE_FIELDS));
  }

  /** The driver has said where it is. @throws QueueError if it can't be there */
  enable(): void {
    if (!areRingsSound(this.memory, this.s)) throw new QueueError("a queue that is nowhere");
    this.s.nextAvailable = this.s.nextUsed = 0;
    this.s.ready = true;
  }

  /** Whether the driver has made a chain available; more than there can be counts as well. */
  get hasAvailable(): boolean {
    return this.#u16(this.#driverArea + 2) !== this.s.nextAvailable;
  }

  /** How many chains are available. @throws QueueError if they are more than there are entries */
  available(): number {
    const count = (this.#u16(this.#driverArea + 2) - this.s.nextAvailable) & 0xffff;
    if (count > this.s.size) throw new QueueError(`${count} chains in ${this.s.size} entries`);
    return count;
  }

  /**
   * Takes the next chain; there has to be one ({@link available}).
   * @throws QueueError if it breaks the rules
   */
  take({ indirect }: QueueFeatures): Chain {
    const { s } = this;
    const entry = RING_ENTRIES_AT + AVAILABLE_ENTRY_BYTES * (s.nextAvailable % s.size);
    const head = this.#u16(this.#driverArea + entry);
    s.nextAvailable = (s.nextAvailable + 1) & 0xffff;
    return this.#walk(head, indirect);
  }

  /** The chain taken last is available again, as if it had not been taken. */
  untake(): void {
    this.s.nextAvailable = (this.s.nextAvailable - 1) & 0xffff;
  }

  /** Gives a chain back to the driver, with `written` bytes in its writable part. */
  use(head: number, written: number): void {
    const { s } = this;
    const entry = RING_ENTRIES_AT + USED_ENTRY_BYTES * (s.nextUsed % s.size);
    this.#view.setUint32(0, head, true);
    this.#view.setUint32(4, written, true);
    this.memory.write(this.#deviceArea + entry, this.#scratch.subarray(0, USED_ENTRY_BYTES));
    s.nextUsed = (s.nextUsed + 1) & 0xffff;
    this.#setU16(this.#deviceArea + 2, s.nextUsed);
  }

  /** Whether the driver wants to be told of the chains used since {@link QUEUE_FIELDS.nextUsed} was `since`. */
  wantsInterrupt(since: number, { eventIndex }: QueueFeatures): boolean {
    const { size, nextUsed } = this.s;
    if (nextUsed === since) return false;
    if (!eventIndex) return (this.#u16(this.#driverArea) & SUPPRESS) === 0;
    const event = this.#u16(this.#driverArea + RING_ENTRIES_AT + AVAILABLE_ENTRY_BYTES * size);
    return ((event - since) & 0xffff) < ((nextUsed - since) & 0xffff);
  }

  /** Asks to be told of the next chain that becomes available; without an event index that is so anyway. */
  requestNotification({ eventIndex }: QueueFeatures): void {
    const { size, nextAvailable } = this.s;
    const event = this.#deviceArea + RING_ENTRIES_AT + USED_ENTRY_BYTES * size;
    if (eventIndex) this.#setU16(event, nextAvailable);
  }

  /** Asks not to be told of chains that become available; with an event index who never asks to is not told. */
  suppressNotifications({ eventIndex }: QueueFeatures): void {
    if (!eventIndex) this.#setU16(this.#deviceArea, SUPPRESS);
  }

  #walk(head: number, takesIndirect: boolean): Chain {
    const readable: Span[] = [];
    const writable: Span[] = [];
    let table = { address: addressOf(this.s.descriptorHigh, this.s.descriptorLow), n: this.s.size };
    let isIndirect = false;
    let index = head;
    while (readable.length + writable.length < this.s.size) {
      if (index >= table.n) throw new QueueError(`descriptor ${index} of ${table.n}`);
      this.memory.read(table.address + DESCRIPTOR_BYTES * index, this.#scratch);
      const address = addressOf(this.#view.getUint32(4, true), this.#view.getUint32(0, true));
      const length = this.#view.getUint32(8, true);
      const flags = this.#view.getUint16(12, true);
      if (!this.memory.contains(address, length)) {
        throw new QueueError("a buffer outside of memory");
      }
      if ((flags & DESCRIPTOR.indirect) !== 0) {
        if (!takesIndirect || isIndirect || (flags & DESCRIPTOR.next) !== 0) {
          throw new QueueError("an indirect table where none may be");
        }
        if (length === 0 || length % DESCRIPTOR_BYTES !== 0) {
          throw new QueueError(`an indirect table of ${length} bytes`);
        }
        table = { address, n: length / DESCRIPTOR_BYTES };
        isIndirect = true;
        index = 0;
        continue;
      }
      if ((flags & DESCRIPTOR.write) !== 0) writable.push({ address, length });
      else if (writable.length > 0) throw new QueueError("a readable buffer behind a writable one");
      else readable.push({ address, length });
      if ((flags & DESCRIPTOR.next) === 0) return { head, readable, writable };
      index = this.#view.getUint16(14, true);
    }
    throw new QueueError(`a chain of more than ${this.s.size} buffers`);
  }

  get #driverArea(): number {
    return addressOf(this.s.driverHigh, this.s.driverLow);
  }

  get #deviceArea(): number {
    return addressOf(this.s.deviceHigh, this.s.deviceLow);
  }

  #u16(address: number): number {
    this.memory.read(address, this.#scratch.subarray(0, 2));
    return this.#view.getUint16(0, true);
  }

  #setU16(address: number, value: number): void {
    this.#view.setUint16(0, value, true);
    this.memory.write(address, this.#scratch.subarray(0, 2));
  }
}

/** Where a queue is said to be. */
export type QueuePlace = Pick<
  RecordOf<typeof QUEUE_FIELDS>,
  | "size"
  | "descriptorLow"
  | "descriptorHigh"
  | "driverLow"
  | "driverHigh"
  | "deviceLow"
  | "deviceHigh"
>;

/** Whether all parts of a queue are memory and aligned as they must be, and its size can be one. */
export function areRingsSound(memory: DmaMemory, place: QueuePlace): boolean {
  const { size } = place;
  if (size === 0 || size > QUEUE_SIZE_MAX || (size & (size - 1)) !== 0) return false;
  const isThere = (address: number, alignment: number, length: number) =>
    address % alignment === 0 && memory.contains(address, length);
  const fixed = RING_ENTRIES_AT + 2;
  return isThere(addressOf(place.descriptorHigh, place.descriptorLow), 16, 16 * size) &&
    isThere(addressOf(place.driverHigh, place.driverLow), 2, fixed + 2 * size) &&
    isThere(addressOf(place.deviceHigh, place.deviceLow), 4, fixed + 8 * size);
}

/** An address beyond 2^53 is not exact, and no memory is there. */
function addressOf(high: number, low: number): number {
  return high * 2 ** 32 + low;
}
