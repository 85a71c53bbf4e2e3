/**
 * The wire campaign's console server: the real sink `console:ADDR` on a listener of the campaign's and a clock that
 * only moves when told. Clients, or what calls itself so, send what they like.
 *
 * After every step: the bound on connections, and on what waits for each. Called by wire_fuzz.ts.
 */
import { consoleGuests } from "../../base/limits.ts";
import type { Bytes } from "../../base/layout.ts";
import { encodeMessage, type Message } from "../../sinks/console_protocol.ts";
import { ConsoleSink } from "../../sinks/console_server.ts";
import { FakeTime } from "../../sinks/console_test_support.ts";
import type { Random } from "./random.ts";
import { turns, type WireConnection, WireListener } from "./wire_connection.ts";
import { require, type Step, type Tally, type WireTarget } from "./wire_target.ts";
import {
  Alterer,
  consoleFormat,
  joined,
  likely,
  oddNumber,
  randomBytes,
  someBytes,
  WILDNESS,
} from "./wire_values.ts";

const OWN_AFFAIRS = [
  "perform",
  "perform",
  "commit",
  "read",
  "time",
  "connect",
  "stall",
  "flow",
  "end",
  "goLive",
];

/** See the top of the file. */
export class ConsoleServerTarget implements WireTarget {
  readonly isOver = false;
  readonly #time = new FakeTime();
  readonly #listener = new WireListener();
  readonly #sink: ConsoleSink;
  readonly #wires: WireConnection[] = [];
  readonly #alterer: Alterer;
  #isLive = false;
  #isPerforming = false;
  #isReading = false;
  #offset = 0;
  #inputOffset = 0;
  #acked = 0;
  #fault: Error | undefined;

  constructor(private readonly random: Random, private readonly tally: Tally) {
    this.#alterer = new Alterer(random, consoleFormat, random.pick(WILDNESS));
    const { listen } = Deno;
    Deno.listen = (() => this.#listener) as unknown as typeof Deno.listen;
    try {
      this.#sink = new ConsoleSink("console:here", "127.0.0.1:1", {
        machineId: "m1",
        setTimer: this.#time.setTimer,
        notice: (text) => this.#hear(text),
      });
    } finally {
      Deno.listen = listen;
    }
    if (random.below(10) > 0) this.#goLive();
  }

  draw(): Step {
    const { random } = this;
    const amount = random.below(200);
    if (this.#wires.every(({ isClosed }) => isClosed)) return { what: "connect", amount };
    if (random.below(100) < 35) return { what: random.pick(OWN_AFFAIRS), amount };
    let bytes = this.#alterer.pass(this.#frame());
    if (random.below(12) === 0) bytes = joined(bytes, this.#alterer.pass(this.#frame()));
    return { what: "bytes", amount, bytes, pieceBytes: random.pick([1e9, 1e9, 16, 5]) };
  }

  async take({ what, amount, bytes, pieceBytes }: Step): Promise<void> {
    const open = this.#wires.filter(({ isClosed }) => !isClosed);
    if (what === "connect") {
      if (open.length < 4) this.#wires.push(await this.#listener.connect());
    } else if (["bytes", "stall", "flow", "end"].includes(what)) {
      // The last one that came is the one that is attached, as a rule.
      const wire = amount < 150 ? open.at(-1) : open[amount % open.length];
      if (wire === undefined) return;
      if (what === "bytes") wire.feed(bytes!, pieceBytes!);
      else if (what === "end") wire.end();
      else wire.stall(what === "stall");
      // A connection that is not greeted yet reads nothing until this side is live.
      await turns(60);
      if (this.#isLive && what === "bytes") await wire.settled(bytes!.length);
    } else {
      this.#ownAffair(what, amount);
      await turns(20);
    }
    if (this.#fault !== undefined) throw this.#fault;
  }

  check(): void {
    const open = this.#wires.filter(({ isClosed }) => !isClosed).length;
    require(open <= consoleGuests + 1, () => `${open} connections`);
  }

  async finish(): Promise<void> {
    let isClosed = false;
    const closing = this.#sink.close().then(() => isClosed = true);
    for (let time = 0; time < 40 && !isClosed; time++) {
      for (const wire of this.#wires) wire.stall(false);
      this.#time.advance(500);
      await turns();
    }
    require(isClosed, () => "the console does not close");
    await closing;
    require(this.#time.idle, () => "a timer is left");
    if (this.#fault !== undefined) throw this.#fault;
  }

  #hear(text: string): void {
    const refusal = text.match(/refused: ([^]*)$/);
    if (refusal === null) return;
    try {
      this.tally.refuse(refusal[1]!);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  #goLive(): void {
    this.#isLive = true;
    void this.#sink.goLive(this.#offset, this.#inputOffset, 1);
  }

  #ownAffair(what: string, amount: number): void {
    const fail = (error: Error) => void (this.#fault ??= error);
    switch (what) {
      case "goLive":
        if (!this.#isLive) this.#goLive();
        return;
      case "perform": {
        if (this.#isPerforming) return;
        const bytes = new Uint8Array(amount === 1 ? 100_000 : amount);
        const offset = this.#offset;
        this.#offset += bytes.length;
        if (!this.#isLive) return void this.#sink.done(offset, bytes).catch(fail);
        this.#isPerforming = true;
        this.#sink.perform(offset, bytes).then(() => this.#isPerforming = false, fail);
        return;
      }
      case "read":
        if (this.#isReading) return;
        this.#isReading = true;
        this.#sink.readInput().then((bytes) => {
          this.#isReading = false;
          this.#inputOffset += bytes?.length ?? 0;
          this.tally.accepted++;
        }, fail);
        return;
      case "commit":
        return this.#sink.inputCommitted(Math.max(0, this.#inputOffset - amount % 3));
      case "time":
        return this.#time.advance(amount * 10);
    }
  }

  #frame(): Bytes {
    const { random } = this;
    const odd = random.below(100);
    if (odd === 0) return randomBytes(random, 1 + random.below(60));
    return encodeMessage(this.#message());
  }

  #message(): Message {
    const { random } = this;
    const dice = random.below(100);
    if (!this.#sink.attached ? dice < 80 : dice < 4) {
      const have = random.below(2) === 0 ? undefined : oddNumber(random, this.#offset);
      const client = BigInt(random.below(10) > 0 ? 1 : random.below(4));
      return { type: "clientHello", client, have, wantsInput: random.below(4) > 0 };
    }
    if (dice < 50) {
      this.#acked = random.below(20) > 0 ? this.#offset : oddNumber(random, this.#offset);
      return { type: "outputAck", offset: this.#acked };
    }
    if (dice < 96) {
      return { type: "input", offset: likely(random, this.#inputOffset), bytes: someBytes(random) };
    }
    return random.pick<Message>([
      { type: "ping" },
      { type: "notLive" },
      { type: "gap", from: 0, to: oddNumber(random, 5) },
      { type: "inputAck", offset: oddNumber(random, this.#inputOffset) },
      { type: "output", offset: this.#offset, bytes: someBytes(random) },
      { type: "end", reason: 0, exitCode: 0, why: "no" },
    ]);
  }
}
