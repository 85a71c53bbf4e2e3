/**
 * The network card: a virtio network device without offloads, in memory.
 *
 * After the virtio specification 1.2, 5.1. It has a MAC address and an MTU of 1500, a queue for what the guest receives
 * and one for what it sends; each frame stands in one chain, behind a header of 12 bytes, which says nothing here.
 *
 * A frame that the guest sends is output, at the notification and whole (net_frames.ts). A frame that arrives is copied
 * into the guest's buffer at once, at the execution point at which it arrives; where the guest has no buffer for it, it
 * has not arrived: it waits outside, with whoever asks {@link NetPort.canReceive}, at every point anew. So the device
 * holds no frames, and the driver need not notify it of buffers to receive into.
 *
 * Called by the board; its `receive` side by who lets events enter.
 */
import { assert } from "../base/assert.ts";
import type { DeviceEffect, Line, MmioDevice } from "./device.ts";
import type { DmaMemory } from "./dma.ts";
import { FRAME_MTU, isFrameLength, joinFrames } from "./net_frames.ts";
import { type DeviceState, int53, powerOn, type RecordOf, Registers, u16, u32 } from "./state.ts";
import { VirtioMmio } from "./virtio_mmio.ts";
import type { Chain, Span } from "./virtqueue.ts";

const DEVICE_ID = 1;
/** VIRTIO_NET_F_MTU and VIRTIO_NET_F_MAC. */
const FEATURES = [3, 5];
const RX = 0;
const TX = 1;
const QUEUES = ["rx", "tx"] as const;

/** `struct virtio_net_hdr`; all zero but for the number of buffers, which is 1 in what is received. */
const HEADER_BYTES = 12;
const HEADER_BUFFERS_AT = 10;

/** `struct virtio_net_config` up to the MTU; the fields between belong to features that are not offered. */
const CONFIG_BYTES = 12;
const CONFIG_MTU_AT = 10;

const NET_FIELDS = {
  /** The first two bytes of the MAC address, and the other four: as numbers with the first byte on top. */
  macHigh: u16(),
  macLow: u32(),
  /** Frames ever received; what no buffer was large enough for is not among them. */
  rxTotal: int53(0, Number.MAX_SAFE_INTEGER),
  rxDropped: int53(0, Number.MAX_SAFE_INTEGER),
  /** Bytes ever sent, as a stream: the output's offset. */
  txTotal: int53(0, Number.MAX_SAFE_INTEGER),
  /** What the guest wanted to send and was no frame. */
  txDropped: int53(0, Number.MAX_SAFE_INTEGER),
};

/** Six bytes. */
export type MacAddress = readonly [number, number, number, number, number, number];

/** The network card as the outside sees it. */
export interface NetPort {
  /** Its MAC address as a number, the first byte on top. */
  readonly mac: number;
  /** Frames ever received. */
  readonly rxTotal: number;
  /** Bytes ever sent, as a stream (net_frames.ts): the output's offset. */
  readonly txTotal: number;
  /** Whether the guest has a buffer for a frame, which may still be too small. */
  canReceive(): boolean;
  /** A frame of a possible length arrives, of which the guest gets a copy; only if {@link canReceive}. */
  receive(frame: Uint8Array): void;
}

/** The card. */
export class VirtioNet implements MmioDevice, NetPort {
  readonly registers: Registers;
  readonly #s: RecordOf<typeof NET_FIELDS> = powerOn(NET_FIELDS);
  readonly #transport: VirtioMmio;

  /**
   * A card whose driver has not come yet.
   * @param name unique on the board, such as `net0`
   * @param memory where the queues and buffers are
   * @param line its interrupt
   */
  constructor(
    readonly name: string,
    mac: MacAddress,
    private readonly memory: DmaMemory,
    line: Line,
  ) {
    const [a, b, c, d, e, f] = mac;
    this.#s.macHigh = a << 8 | b;
    this.#s.macLow = (c << 24 | d << 16 | e << 8 | f) >>> 0;
    const kind = {
      deviceId: DEVICE_ID,
      features: FEATURES,
      queues: QUEUES,
      config: () => this.#config(),
      started: () => this.#start(),
      notified: (queue: number) => queue === TX ? this.#transmit() : undefined,
    };
    const transport = new VirtioMmio(kind, memory, line);
    this.#transport = transport;
    const parts = [{ part: "", table: NET_FIELDS, record: this.#s }, ...transport.parts];
    this.registers = new Registers(name, parts, (state) => transport.fault(state));
  }

  /** Frames ever received. */
  get mac(): number {
    return this.#s.macHigh * 2 ** 32 + this.#s.macLow;
  }

  get rxTotal(): number {
    return this.#s.rxTotal;
  }

  /** Bytes ever sent. */
  get txTotal(): number {
    return this.#s.txTotal;
  }

  /** Serves a read of the registers. */
  readMmio(offset: number, width: number, into: Uint8Array): void {
    this.#transport.read(offset, width, into);
  }

  /** Serves a write to the registers; of a notification it returns the frames. */
  writeMmio(offset: number, width: number, data: Uint8Array): DeviceEffect | undefined {
    return this.#transport.write(offset, width, data);
  }

  /** Whether the driver is ready and has given a buffer to receive into. */
  canReceive(): boolean {
    const queue = this.#transport.queues[RX]!;
    return this.#transport.isLive && queue.s.ready && queue.hasAvailable;
  }

  /** A frame arrives. If the next buffer is too small for it, it is lost, and the buffer stays where it is. */
  receive(frame: Uint8Array): void {
    const { length } = frame;
    assert(isFrameLength(length) && this.canReceive(), `${this.name} was given ${length} bytes`);
    const transport = this.#transport;
    const queue = transport.queues[RX]!;
    transport.serve(() => {
      const since = queue.s.nextUsed;
      queue.available();
      const chain = queue.take(transport.features);
      if (bytesOf(chain.writable) < HEADER_BYTES + length) {
        queue.untake();
        this.#s.rxDropped++;
        return;
      }
      const bytes = new Uint8Array(HEADER_BYTES + length);
      bytes[HEADER_BUFFERS_AT] = 1;
      bytes.set(frame, HEADER_BYTES);
      this.#scatter(bytes, chain.writable);
      queue.use(chain.head, bytes.length);
      this.#s.rxTotal++;
      transport.used(queue, since);
    });
  }

  /** A copy of the state. */
  state(): DeviceState {
    return this.registers.values();
  }

  /**
   * Replaces the state, the MAC address included.
   * @throws PeerError if it is malformed; then nothing has changed
   */
  restore(state: DeviceState): void {
    this.registers.assign(state);
  }

  #config(): Uint8Array {
    const config = new Uint8Array(CONFIG_BYTES);
    const view = new DataView(config.buffer);
    view.setUint16(0, this.#s.macHigh);
    view.setUint32(2, this.#s.macLow);
    view.setUint16(CONFIG_MTU_AT, FRAME_MTU, true);
    return config;
  }

  /** Buffers to receive into are looked for when there is something to put there. */
  #start(): void {
    const { queues, features } = this.#transport;
    if (queues[RX]!.s.ready) queues[RX]!.suppressNotifications(features);
  }

  /** Takes all that the driver has made available. What was sent before it lied is sent. */
  #transmit(): DeviceEffect | undefined {
    const transport = this.#transport;
    const queue = transport.queues[TX]!;
    const frames: Uint8Array[] = [];
    transport.serve(() => {
      const { features } = transport;
      const since = queue.s.nextUsed;
      for (let count = queue.available(); count > 0; count--) {
        const chain = queue.take(features);
        const frame = this.#gather(chain);
        if (frame === undefined) this.#s.txDropped++;
        else frames.push(frame);
        queue.use(chain.head, 0);
      }
      queue.requestNotification(features);
      transport.used(queue, since);
    });
    if (frames.length === 0) return undefined;
    const bytes = joinFrames(frames);
    this.#s.txTotal += bytes.length;
    return { kind: "output", sink: "net", bytes };
  }

  /** The frame behind the header; undefined if it can't be one. */
  #gather({ readable }: Chain): Uint8Array | undefined {
    const length = bytesOf(readable);
    if (!isFrameLength(length - HEADER_BYTES)) return undefined;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const span of readable) {
      this.memory.read(span.address, bytes.subarray(at, at + span.length));
      at += span.length;
    }
    return bytes.subarray(HEADER_BYTES);
  }

  #scatter(bytes: Uint8Array, spans: readonly Span[]): void {
    let at = 0;
    for (const { address, length } of spans) {
      if (at === bytes.length) return;
      const part = bytes.subarray(at, at + length);
      this.memory.write(address, part);
      at += part.length;
    }
  }
}

function bytesOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}
