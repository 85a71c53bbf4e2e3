/**
 * A connection inside of one process, for tests and simulation: what one end sends is there for the
 * other at once and in order, nothing depends on time, and the connection can be cut at any byte.
 */
import { assert } from "../base/assert.ts";
import { PeerError, UnavailableError } from "../base/errors.ts";
import type { Bytes } from "../base/layout.ts";
import type { FrameLink } from "./link.ts";

/** The two ends of a connection. */
export class MemoryPair {
  /** One end. */
  readonly a: MemoryLink = new MemoryLink("b", () => this.b);
  /** The other. */
  readonly b: MemoryLink = new MemoryLink("a", () => this.a);

  /** Cuts the connection now: both ends find it broken once they have received what is there. */
  cut(): void {
    this.a.break("broken");
    this.b.break("broken");
  }
}

/** One end of a {@link MemoryPair}. Timeouts do not apply: there is no time here. */
export class MemoryLink implements FrameLink {
  /** Nothing ever waits: the other end has it at once. */
  readonly queuedBytes = 0;
  readonly #other: () => MemoryLink;
  readonly #inbox: Bytes[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #wake: (() => void) | undefined;
  /** How the stream from the other end stands. */
  #state: "open" | "ended" | "truncated" | "broken" | "closed" = "open";
  #sendable = true;
  #sentBytes = 0;
  #cutAtByte = Infinity;

  /** Made by {@link MemoryPair}. */
  constructor(readonly peer: string, other: () => MemoryLink) {
    this.#other = other;
  }

  /** Cuts the connection once so many bytes have been sent from this end, be it inside of a frame. */
  cutAtByte(bytes: number): void {
    assert(bytes >= this.#sentBytes, `cut at ${bytes}, but ${this.#sentBytes} bytes are sent`);
    this.#cutAtByte = bytes;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  send(frame: Bytes): Promise<void> {
    const other = this.#other();
    if (!this.#sendable) {
      const refusal = Promise.reject(new UnavailableError(`${this.peer}: the connection broke`));
      refusal.catch(() => {});
      return refusal;
    }
    const whole = this.#sentBytes + frame.length <= this.#cutAtByte;
    if (whole) other.#take(frame.slice());
    if (this.#sentBytes + frame.length >= this.#cutAtByte) {
      other.break(whole || this.#sentBytes === this.#cutAtByte ? "broken" : "truncated");
      this.break("broken");
    }
    this.#sentBytes += frame.length;
    return Promise.resolve();
  }

  async receive(): Promise<Bytes | undefined> {
    assert(this.#wake === undefined, `two receives at once from ${this.peer}`);
    while (this.#inbox.length === 0 && this.#state === "open") {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    const frame = this.#inbox.shift();
    if (frame !== undefined) return frame;
    this.#ended.resolve();
    if (this.#state === "truncated") {
      throw new PeerError(`${this.peer}: the stream ends inside of a frame`);
    }
    if (this.#state === "broken") throw new UnavailableError(`${this.peer}: the connection broke`);
    return undefined;
  }

  endSending(): Promise<void> {
    this.#sendable = false;
    this.#other().#become("ended");
    return Promise.resolve();
  }

  close(): void {
    this.#inbox.length = 0;
    this.#sendable = false;
    this.#state = "closed";
    this.#ended.resolve();
    this.#wake?.();
    const other = this.#other();
    other.#sendable = false;
    other.#become("ended");
  }

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** This end finds the connection broken: between two frames, or inside of one. */
  break(how: "broken" | "truncated"): void {
    this.#sendable = false;
    this.#become(how);
  }

  #take(frame: Bytes): void {
    this.#inbox.push(frame);
    this.#wake?.();
  }

  #become(state: "ended" | "truncated" | "broken"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#wake?.();
  }
}
