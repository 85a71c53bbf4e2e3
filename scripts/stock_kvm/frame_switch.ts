/**
 * The virtual network: a switch for Ethernet frames between QEMU processes, that can lose and delay them.
 *
 * ```
 *   QEMU A ──unix socket──▶ ┌────────┐ ◀──unix socket── QEMU (arbiter's and observer's gateway)
 *   QEMU B ──unix socket──▶ │ switch │
 *                           └────────┘  LinkRules: what passes
 * ```
 *
 * On each socket frames stand one behind the other, each after its length in 4 bytes, big-endian (QEMU,
 * `-netdev stream`). The switch learns from a frame's source where an address is. A frame that is cut is
 * lost without a word, as on a wire; TCP sends it again when the way is whole. Needs no privilege.
 *
 * `pair.ts` has one.
 */
import { type End, LinkRules, type Way } from "./link_rules.ts";

const LENGTH_BYTES = 4;
const ADDRESS_BYTES = 6;
/** The largest frame: 64 KiB of a segment that the card would cut, and headers. */
const FRAME_BYTES = 70_000;
/** What waits for one end. More is lost, as in a real switch: a paused host does not take its frames. */
const QUEUE_BYTES = 4 * 2 ** 20;
const READ_BYTES = 64 * 1024;

/** Frames on one way. */
export interface WayCount {
  passed: number;
  lost: number;
}

/** What is on its way from one end, in order: no frame overtakes another. */
interface Lane {
  readonly from: End;
  readonly frames: { readonly dueMs: number; readonly frame: Uint8Array<ArrayBuffer> }[];
  /** For the first of them. */
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/** See the top of the file. */
export class FrameSwitch implements AsyncDisposable {
  /** What becomes of frames. */
  readonly rules = new LinkRules();
  readonly #ports = new Map<End, Port>();
  readonly #endOf = new Map<string, End>();
  readonly #counts = new Map<string, WayCount>();

  /**
   * Listens for an end's network card; whoever connects last has the port.
   * @param path of the Unix socket, which is made
   */
  open(end: End, path: string): void {
    this.#ports.set(
      end,
      new Port(path, {
        onFrame: (frame) => this.#forward(end, frame),
        isCut: (from) => this.rules.delayOf({ from, to: end }) === undefined,
        onFate: (from, isSent) => this.count({ from, to: end })[isSent ? "passed" : "lost"]++,
      }),
    );
  }

  /** What has come by on a way. */
  count({ from, to }: Way): WayCount {
    const name = `${from}>${to}`;
    let count = this.#counts.get(name);
    if (count === undefined) this.#counts.set(name, count = { passed: 0, lost: 0 });
    return count;
  }

  /** Ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#ports.values()].map((port) => port.close()));
  }

  #forward(from: End, frame: Uint8Array<ArrayBuffer>): void {
    const addressAt = LENGTH_BYTES;
    const target = frame.subarray(addressAt, addressAt + ADDRESS_BYTES).toHex();
    const source = frame.subarray(addressAt + ADDRESS_BYTES, addressAt + 2 * ADDRESS_BYTES).toHex();
    this.#endOf.set(source, from);
    // To all, if it is for all, or for nobody that has been heard of.
    const known = this.#endOf.get(target);
    const to = known === undefined ? [...this.#ports.keys()] : [known];
    for (const end of to) if (end !== from) this.#send({ from, to: end }, frame);
  }

  #send(way: Way, frame: Uint8Array<ArrayBuffer>): void {
    this.#ports.get(way.to)!.send(way.from, frame, this.rules.delayOf(way) ?? 0);
  }
}

/** What a port asks and tells the switch. */
interface PortOwner {
  onFrame(frame: Uint8Array<ArrayBuffer>): void;
  /** Asked when a frame is due: one that was on its way when the way was cut is lost, too. */
  isCut(from: End): boolean;
  onFate(from: End, isSent: boolean): void;
}

/** One end's connection. */
class Port {
  readonly #listener: Deno.Listener<Deno.UnixConn>;
  readonly #serving: Promise<void>;
  readonly #lanes = new Map<End, Lane>();
  #connection: Deno.Conn | undefined;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #queuedBytes = 0;
  #isWriting = false;

  constructor(path: string, readonly owner: PortOwner) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#serving = this.#serve();
  }

  /** Sends it, or loses it, after so long. */
  send(from: End, frame: Uint8Array<ArrayBuffer>, delayMs: number): void {
    if (this.#connection === undefined || this.#queuedBytes + frame.length > QUEUE_BYTES) {
      this.owner.onFate(from, false);
      return;
    }
    this.#queuedBytes += frame.length;
    const lane = this.#lanes.get(from) ?? { from, frames: [] };
    this.#lanes.set(from, lane);
    lane.frames.push({ dueMs: performance.now() + delayMs, frame });
    if (lane.timer === undefined) this.#release(lane);
  }

  async close(): Promise<void> {
    for (const { timer } of this.#lanes.values()) clearTimeout(timer);
    this.#listener.close();
    this.#drop(this.#connection);
    await this.#serving;
  }

  /** Sends what is due, up to the first that is not: what is behind it waits for it. */
  #release(lane: Lane): void {
    lane.timer = undefined;
    for (let first; (first = lane.frames[0]) !== undefined;) {
      const waitMs = first.dueMs - performance.now();
      if (waitMs > 0) {
        lane.timer = setTimeout(() => this.#release(lane), Math.ceil(waitMs));
        return;
      }
      lane.frames.shift();
      const isCut = this.owner.isCut(lane.from);
      this.owner.onFate(lane.from, !isCut);
      if (isCut) this.#queuedBytes -= first.frame.length;
      else this.#enqueue(first.frame);
    }
  }

  #enqueue(frame: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(frame);
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    for (let frame; (frame = this.#queue.shift()) !== undefined;) {
      const connection = this.#connection;
      try {
        for (let at = 0; connection !== undefined && at < frame.length;) {
          at += await connection.write(frame.subarray(at));
        }
      } catch {
        // The host is gone, and the frame with it.
        this.#drop(connection);
      }
      this.#queuedBytes -= frame.length;
    }
    this.#isWriting = false;
  }

  async #serve(): Promise<void> {
    const reading: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#drop(this.#connection);
      this.#connection = connection;
      reading.push(this.#read(connection));
    }
    await Promise.all(reading);
  }

  async #read(connection: Deno.Conn): Promise<void> {
    const frames = new FrameCutter();
    const chunk = new Uint8Array(READ_BYTES);
    try {
      for (let count; (count = await connection.read(chunk)) !== null;) {
        for (const frame of frames.push(chunk.subarray(0, count))) this.owner.onFrame(frame);
      }
    } catch {
      // A host that is killed resets its connection.
    }
    this.#drop(connection);
  }

  #drop(connection: Deno.Conn | undefined): void {
    if (connection === undefined) return;
    if (this.#connection === connection) this.#connection = undefined;
    try {
      connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** Cuts a stream into frames. */
export class FrameCutter {
  #rest = new Uint8Array();

  /** The frames that are complete with these bytes, each with its length before it. */
  *push(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    const joined = new Uint8Array(this.#rest.length + bytes.length);
    joined.set(this.#rest);
    joined.set(bytes, this.#rest.length);
    let at = 0;
    const view = new DataView(joined.buffer);
    while (joined.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + view.getUint32(at);
      if (end - at > FRAME_BYTES) throw new RangeError(`a frame of ${end - at} bytes`);
      if (end > joined.length) break;
      yield joined.slice(at, end);
      at = end;
    }
    this.#rest = joined.slice(at);
  }
}
