/**
 * The board: all devices, their buses (ports, and registers in memory), the machine clock's way to them, and the state
 * of the whole.
 *
 * A board is a deterministic function of what is done to it. The vCPU loop serves every exit through
 * `read` and `write`, moves the clock with `advance`, and takes interrupts from `acknowledgeInterrupt`;
 * the recorder and the replayer do exactly the same, so their boards stay equal.
 *
 * `read` and `write` are the hot path: one look-up in a table of all 65536 ports, no allocation but
 * for an effect.
 *
 * Encoded state, little-endian, of a fixed length for a given version and these devices:
 *
 *     0        2       10
 *     +--------+--------+-----+-----+-----+----------+-------+ - - - +
 *     |version | clock  | pic | pit | rtc | keyboard | uart0 | net0  |   each as state.ts says
 *     | u16    | i64 us |     |     |     |          |       |       |
 *     +--------+--------+-----+-----+-----+----------+-------+ - - - +
 *
 * Not every machine has a network card. A state says by its length whether its machine does, and a board that takes it
 * over has one from then on, or has none: so a backup, or who replays a file, need not be told.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { assertAdvance, MAX_CLOCK_US } from "./clock.ts";
import { DebugExit } from "./debug_exit.ts";
import type { DeviceEffect, Line, PortDevice, Width } from "./device.ts";
import type { DmaMemory } from "./dma.ts";
import { KeyboardController } from "./keyboard.ts";
import { Pic } from "./pic.ts";
import { Pit } from "./pit.ts";
import { Rtc } from "./rtc.ts";
import { type DeviceState, type DigestField, int53, powerOn, Registers } from "./state.ts";
import { type ConsolePort, Uart } from "./uart.ts";
import { VIRTIO_MMIO_BYTES } from "./virtio_mmio.ts";
import { type MacAddress, type NetPort, VirtioNet } from "./virtio_net.ts";

/** Raised by one whenever a field of any device is added, removed or changed. */
const STATE_VERSION = 1;
const VERSION_BYTES = 2;

const PORT_COUNT = 0x10000;
const CONSOLE_PORT = 0x3f8;

/** The PC's interrupt lines. */
const TIMER_IRQ = 0;
const KEYBOARD_IRQ = 1;
const CONSOLE_IRQ = 4;
/** No device of a PC has line 5 for itself. */
export const NET_IRQ = 5;
const RTC_IRQ = 8;

/** Where the network card's registers are: above all memory that a guest can have, below what KVM wants. */
export const NET_MMIO = { address: 0xd000_0000, bytes: VIRTIO_MMIO_BYTES } as const;

const BOARD_FIELDS = { clockUs: int53(0, MAX_CLOCK_US) };

/** What a machine is made with. */
export interface BoardOptions {
  /** The time of day at machine clock zero, in whole seconds since 1970. */
  readonly epochSeconds: number;
  /** What devices reach of guest memory. Without it no network card can be there. */
  readonly memory?: DmaMemory;
  /** The machine has a network card. */
  readonly net?: NetOptions;
}

/** What a network card is made with. */
export interface NetOptions {
  readonly mac: MacAddress;
}

const MAC_OF_STATE: MacAddress = [0, 0, 0, 0, 0, 0];

/** A PC's board with userspace interrupt controllers and timers. */
export class Board {
  /** The serial console as the outside sees it. */
  readonly console: ConsolePort;
  readonly #s = powerOn(BOARD_FIELDS);
  readonly #pic = new Pic();
  readonly #pit: Pit;
  readonly #rtc: Rtc;
  /** On the port bus. */
  readonly #devices: readonly PortDevice[];
  /** For each port the index of its device in `#devices`, plus one; 0 if nobody claims it. */
  readonly #owner = new Uint8Array(PORT_COUNT);
  /** The board's own registers and those of devices that each board has, in the order of the encoded state. */
  readonly #registers: readonly Registers[];
  readonly #makeNet: ((mac: MacAddress) => VirtioNet) | undefined;
  #net: VirtioNet | undefined;

  /** A board at power-on, its clock at zero. */
  constructor(options: BoardOptions) {
    const irq = (number: number): Line => (level) => this.#pic.setLine(number, level);
    const uart = new Uart("uart0", CONSOLE_PORT, irq(CONSOLE_IRQ));
    this.console = uart;
    this.#pit = new Pit(irq(TIMER_IRQ));
    this.#rtc = new Rtc(options.epochSeconds, irq(RTC_IRQ));
    const keyboard = new KeyboardController(irq(KEYBOARD_IRQ));
    this.#devices = [this.#pic, this.#pit, this.#rtc, keyboard, uart, new DebugExit()];
    this.#registers = [
      new Registers("board", [{ part: "", table: BOARD_FIELDS, record: this.#s }]),
      ...this.#devices.map((device) => device.registers),
    ];
    for (const [index, device] of this.#devices.entries()) this.#claim(device, index + 1);
    const { memory, net } = options;
    this.#makeNet = memory && ((mac) => new VirtioNet("net0", mac, memory, irq(NET_IRQ)));
    assert(net === undefined || memory !== undefined, "a network card without guest memory");
    this.#net = net && this.#makeNet?.(net.mac);
  }

  /** The network card as the outside sees it; undefined: this machine has none. */
  get net(): NetPort | undefined {
    return this.#net;
  }

  /** The machine clock, in microseconds. */
  get clockUs(): number {
    return this.#s.clockUs;
  }

  /**
   * Moves the machine clock forward to `clockUs`; it may not pass {@link deadlineUs}, so that no tick
   * is swallowed.
   */
  advance(clockUs: number): void {
    assertAdvance(this.#s.clockUs, clockUs, this.deadlineUs());
    this.#s.clockUs = clockUs;
    this.#pit.advance(clockUs);
    this.#rtc.advance(clockUs);
  }

  /**
   * The next machine time, in microseconds and after the present one, at which a device raises an
   * interrupt line by itself; Infinity if none will.
   */
  deadlineUs(): number {
    return Math.min(this.#pit.deadlineUs(), this.#rtc.deadlineUs());
  }

  /** Whether the machine clock should be brought up to date before such an access is served. */
  dependsOnClock(port: number, isWrite: boolean): boolean {
    const owner = this.#owner[port & 0xffff]!;
    return owner !== 0 && this.#devices[owner - 1]!.dependsOnClock?.(port, isWrite) === true;
  }

  /** Serves a guest's IN of `width` bytes. Ports that nobody claims read as all ones. */
  read(port: number, width: Width): number {
    if (width === 1) return this.#readByte(port);
    const owner = this.#owner[port & 0xffff]!;
    if (owner !== 0 && this.#devices[owner - 1]!.wide === true) {
      return this.#devices[owner - 1]!.read(port, width);
    }
    let value = 0;
    for (let i = 0; i < width; i++) value |= this.#readByte(port + i) << 8 * i;
    return value >>> 0;
  }

  /**
   * Serves a guest's OUT of `width` bytes. Writes to ports that nobody claims are ignored.
   * @returns what the outside has to do; never more than one thing, since no two ports that have
   * effects are within one access of each other
   */
  write(port: number, width: Width, value: number): DeviceEffect | undefined {
    if (width === 1) return this.#writeByte(port, value & 0xff);
    const owner = this.#owner[port & 0xffff]!;
    if (owner !== 0 && this.#devices[owner - 1]!.wide === true) {
      return this.#devices[owner - 1]!.write(port, width, value);
    }
    let effect: DeviceEffect | undefined;
    for (let i = 0; i < width; i++) {
      const next = this.#writeByte(port + i, value >>> 8 * i & 0xff);
      assert(
        effect === undefined || next === undefined,
        `two effects of one write, at port ${port}`,
      );
      effect ??= next;
    }
    return effect;
  }

  /**
   * Serves a guest's read of `width` bytes (1 to 8) of what is no memory. Where no device has registers nobody drives
   * the bus: all ones.
   * @param into gets the bytes
   * @returns whether a device has answered
   */
  mmioRead(address: number, width: number, into: Uint8Array): boolean {
    const net = this.#netAt(address, width);
    if (net === undefined) into.fill(0xff, 0, width);
    else net.readMmio(address - NET_MMIO.address, width, into);
    return net !== undefined;
  }

  /** Serves a guest's write of the first `width` bytes of `data`; ignores it where no device has registers. */
  mmioWrite(address: number, width: number, data: Uint8Array): DeviceEffect | undefined {
    return this.#netAt(address, width)?.writeMmio(address - NET_MMIO.address, width, data);
  }

  /** The interrupt controllers' INT output: an interrupt waits for the CPU to take it. */
  interruptPending(): boolean {
    return this.#pic.interruptPending;
  }

  /** The INTA cycle: the vector (0 to 255) to inject; a spurious one if the request has gone. */
  acknowledgeInterrupt(): number {
    return this.#pic.acknowledge();
  }

  /** The state of the whole board, as drawn above. Equal boards give equal bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const parts = this.#registersWith(this.#net);
    const encoded = new Uint8Array(encodedLength(parts));
    const view = new DataView(encoded.buffer);
    view.setUint16(0, STATE_VERSION, true);
    let offset = VERSION_BYTES;
    for (const registers of parts) {
      registers.encode(view, offset);
      offset += registers.byteLength;
    }
    return encoded;
  }

  /**
   * Makes an encoded state the board's own. Moves no interrupt line: their levels are part of it.
   * @throws PeerError if it is malformed, naming the field; then nothing has changed
   */
  restore(encoded: Uint8Array): void {
    const net = this.#netOf(encoded.length);
    const parts = this.#registersWith(net);
    const states = decode(parts, encoded);
    const clockUs = states[0]!["clockUs"];
    for (const [index, state] of states.entries()) {
      const own = state["clockUs"];
      if (own !== undefined && own !== clockUs) {
        const name = parts[index]!.device;
        throw new PeerError(`${name}.clockUs is ${own}, expected the board's, ${clockUs}`);
      }
    }
    this.#registers[0]!.assign(states[0]!);
    for (const [index, device] of this.#devices.entries()) device.restore(states[index + 1]!);
    net?.restore(states.at(-1)!);
    this.#net = net;
  }

  /** All state as named values, such as `uart0.ier`, for the digest. */
  fields(): DigestField[] {
    return this.#registersWith(this.#net).flatMap((registers) => registers.digestFields());
  }

  /** The network card that takes over a state of so many bytes: this board's, or a new one; or none. */
  #netOf(bytes: number): VirtioNet | undefined {
    if (bytes === encodedLength(this.#registers)) return undefined;
    return this.#net ?? this.#makeNet?.(MAC_OF_STATE);
  }

  #registersWith(net: VirtioNet | undefined): readonly Registers[] {
    return net === undefined ? this.#registers : [...this.#registers, net.registers];
  }

  /** The network card, if all of an access is to its registers. */
  #netAt(address: number, width: number): VirtioNet | undefined {
    const offset = address - NET_MMIO.address;
    return offset >= 0 && offset + width <= NET_MMIO.bytes ? this.#net : undefined;
  }

  #claim(device: PortDevice, owner: number): void {
    for (const { first, count } of device.ports) {
      for (let port = first; port < first + count; port++) {
        assert(this.#owner[port] === 0, `port ${port} of ${device.name} is claimed already`);
        this.#owner[port] = owner;
      }
    }
  }

  #readByte(port: number): number {
    const owner = this.#owner[port & 0xffff]!;
    return owner === 0 ? 0xff : this.#devices[owner - 1]!.read(port, 1);
  }

  #writeByte(port: number, value: number): DeviceEffect | undefined {
    const owner = this.#owner[port & 0xffff]!;
    return owner === 0 ? undefined : this.#devices[owner - 1]!.write(port, 1, value);
  }
}

function encodedLength(parts: readonly Registers[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, VERSION_BYTES);
}

/** @throws PeerError if the length, the version or a field is another than expected */
function decode(parts: readonly Registers[], encoded: Uint8Array): DeviceState[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const length = encodedLength(parts);
  if (encoded.length !== length) {
    throw new PeerError(`the board's state has ${encoded.length} bytes, expected ${length}`);
  }
  const version = view.getUint16(0, true);
  if (version !== STATE_VERSION) {
    throw new PeerError(
      `the board's state is of version ${version}, expected ${STATE_VERSION}: ` +
        "run the same release on both sides",
    );
  }
  let offset = VERSION_BYTES;
  return parts.map((registers) => {
    const state = registers.decode(view, offset);
    offset += registers.byteLength;
    return state;
  });
}
