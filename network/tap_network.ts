/**
 * The network behind a TAP device.
 *
 * Frames go out from main, which performs outputs; those that arrive are read by a worker of their own
 * (tap_reader.ts). A backup's device is a port of its bridge from the start, so that no frame is lost for a bridge that
 * has yet to let it in; the worker drains it.
 */
import { OsError, UnavailableError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import { announceAtMs } from "../base/limits.ts";
import type { Say } from "../base/reporter.ts";
import { splitFrames } from "../devices/net_frames.ts";
import { Interfaces } from "../ffi/network_interface.ts";
import { Tap, TapEnd } from "../ffi/tap.ts";
import { Wakeup } from "../ffi/wakeup.ts";
import { type Channel, Gauge } from "../machine/channel.ts";
import { SeenAddresses } from "./addresses.ts";
import { announcementOf } from "./announcement.ts";
import { macFrom } from "./mac.ts";
import type { Network } from "./network.ts";
import type { TapSpec } from "./spec.ts";
import {
  READER_FIGURES,
  type ReaderDone,
  ReaderFigure,
  type ReaderOrder,
  type ReaderStart,
} from "./tap_reader_messages.ts";

/** See the top of the file. */
export class TapNetwork implements Network {
  readonly #tap: Tap;
  readonly #end: TapEnd;
  readonly #wakeup = Wakeup.create();
  readonly #reader = new Worker(new URL("./tap_reader.ts", import.meta.url), { type: "module" });
  readonly #readerDone = Promise.withResolvers<void>();
  readonly #figures = new Float64Array(new SharedArrayBuffer(8 * READER_FIGURES));
  readonly #addresses = new SeenAddresses();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #sent = 0;
  #refused = 0;
  #isClosing = false;

  private constructor(tap: Tap, private readonly spec: TapSpec, private readonly say: Say) {
    this.#tap = tap;
    this.#end = new TapEnd(tap.fd);
    this.#reader.addEventListener("message", ({ data }: MessageEvent<ReaderDone>) => {
      this.#ended(data.failure);
    });
    this.#reader.addEventListener("error", (event) => {
      event.preventDefault();
      this.#ended(event.message);
    });
    const start: ReaderStart = {
      type: "start",
      fd: tap.fd,
      wakeup: this.#wakeup.fd,
      figures: this.#figures.buffer as SharedArrayBuffer,
    };
    this.#reader.postMessage(start);
  }

  /**
   * Opens the device, brings it up, and makes it a port of its bridge.
   * @throws UnavailableError
   */
  static open(spec: TapSpec, say: Say): TapNetwork {
    let tap;
    try {
      tap = Tap.open(spec.name);
      using interfaces = Interfaces.open();
      if (spec.bridge !== undefined) join(interfaces, spec.bridge, spec.name);
      interfaces.bringUp(spec.name);
    } catch (cause) {
      tap?.[Symbol.dispose]();
      if (!(cause instanceof OsError)) throw cause;
      throw new UnavailableError(`--net ${spec.text}: ${cause.message}`, { cause });
    }
    return new TapNetwork(tap, spec, say);
  }

  perform(_offset: number, frames: Bytes): Promise<void> {
    for (const frame of splitFrames(frames)) this.#send(frame as Bytes);
    return Promise.resolve();
  }

  watch(frames: Bytes): void {
    for (const frame of splitFrames(frames)) this.#addresses.learn(frame);
  }

  goLive(channel: Channel, isTakeover: boolean): void {
    this.#order({ type: "feed", buffers: channel.buffers });
    const mac = channel.gauges[Gauge.mac]!;
    if (!isTakeover || mac === 0) return;
    const frames = announcementOf(macFrom(mac), this.#addresses.all);
    for (const afterMs of announceAtMs) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        for (const frame of frames) this.#send(frame);
      }, afterMs);
      this.#timers.add(timer);
    }
  }

  status(): Record<string, unknown> {
    return {
      spec: this.spec.text,
      framesReceived: this.#figures[ReaderFigure.received],
      framesDropped: this.#figures[ReaderFigure.dropped],
      framesSent: this.#sent,
      framesRefused: this.#refused,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#order({ type: "quit" });
    await this.#readerDone.promise;
    this.#reader.terminate();
    this.#wakeup[Symbol.dispose]();
    this.#tap[Symbol.dispose]();
  }

  #send(frame: Bytes): void {
    if (this.#end.write(frame)) this.#sent++;
    else this.#refused++;
  }

  #order(order: ReaderOrder): void {
    this.#reader.postMessage(order);
    this.#wakeup.wake();
  }

  /** The reader is over: as it was told, or since the device is of no use any more, as a cable that was cut. */
  #ended(failure: string | undefined): void {
    this.#readerDone.resolve();
    if (failure === undefined || this.#isClosing) return;
    this.say(`nothing arrives from ${this.spec.name} any more: ${failure}`);
  }
}

/** Makes `name` a port of `bridge`. @throws OsError */
function join(interfaces: Interfaces, bridge: string, name: string): void {
  if (bridgeOf(name) !== bridge) interfaces.addToBridge(bridge, name);
}

function bridgeOf(name: string): string | undefined {
  try {
    return Deno.readLinkSync(`/sys/class/net/${name}/master`).split("/").at(-1);
  } catch {
    return undefined;
  }
}
