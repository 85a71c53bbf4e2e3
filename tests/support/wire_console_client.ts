/**
 * The wire campaign's console client: the real one, on connections of the campaign's and a clock that only moves when
 * told. A server, or what calls itself so, sends what it likes.
 *
 * Always: what is shown follows on what was shown, or on a gap that was told. Called by wire_fuzz.ts.
 */
import { PeerError, UnavailableError, UsageError } from "../../base/errors.ts";
import type { Bytes } from "../../base/layout.ts";
import { ConsoleClient } from "../../sinks/console_client.ts";
import {
  encodeMessage,
  EndReason,
  type Message,
  type ServerHello,
} from "../../sinks/console_protocol.ts";
import { FakeTime } from "../../sinks/console_test_support.ts";
import type { Random } from "./random.ts";
import { turns, WireConnection } from "./wire_connection.ts";
import { require, type Step, type Tally, type WireTarget } from "./wire_target.ts";
import {
  Alterer,
  consoleFormat,
  joined,
  likely,
  oddNumber,
  oddText,
  randomBytes,
  someBytes,
  WILDNESS,
} from "./wire_values.ts";

const OWN_AFFAIRS = ["time", "time", "write", "stall", "flow", "end"];

/** See the top of the file. */
export class ConsoleClientTarget implements WireTarget {
  isOver = false;
  readonly #time = new FakeTime();
  readonly #client: ConsoleClient;
  readonly #shown: Promise<void>;
  readonly #connect = Deno.connect;
  readonly #alterer: Alterer;
  #wire = new WireConnection();
  /** This connection has been greeted. */
  #isGreeted = false;
  #next = 0;
  #inputNext = 0;
  #isWriting = false;
  #fault: Error | undefined;

  constructor(private readonly random: Random, private readonly tally: Tally) {
    this.#alterer = new Alterer(random, consoleFormat, random.pick(WILDNESS));
    Deno.connect = (() => {
      this.#wire = new WireConnection();
      this.#isGreeted = false;
      return Promise.resolve(this.#wire);
    }) as unknown as typeof Deno.connect;
    this.#client = new ConsoleClient("127.0.0.1:1,127.0.0.1:2", {
      input: true,
      setTimer: this.#time.setTimer,
      notice: (text) => this.#hear(text),
    });
    this.#shown = this.#show();
  }

  draw(): Step {
    const { random } = this;
    const amount = random.below(200);
    if (this.#wire.isClosed) return { what: "time", amount: 60 };
    if (random.below(100) < 25) return { what: random.pick(OWN_AFFAIRS), amount };
    let bytes = this.#alterer.pass(this.#frame());
    if (random.below(12) === 0) bytes = joined(bytes, this.#alterer.pass(this.#frame()));
    return { what: "bytes", amount, bytes, pieceBytes: random.pick([1e9, 1e9, 16, 5]) };
  }

  async take({ what, amount, bytes, pieceBytes }: Step): Promise<void> {
    await turns(10);
    const wire = this.#wire;
    switch (what) {
      case "bytes":
        wire.feed(bytes!, pieceBytes!);
        break;
      case "end":
        wire.end();
        break;
      case "stall":
      case "flow":
        wire.stall(what === "stall");
        break;
      case "time":
        this.#time.advance(amount < 190 ? amount * 3 : 2500);
        await turns(40);
        break;
      case "write":
        this.#write(amount === 1 ? 100_000 : amount);
    }
    await wire.settled(bytes?.length ?? 0);
    await turns(10);
    if (this.#fault !== undefined) throw this.#fault;
  }

  check(): void {
    require(
      this.#client.duplicateBytes >= 0 && this.#client.lostBytes >= 0,
      () => "a negative count",
    );
  }

  async finish(): Promise<void> {
    try {
      this.#client.close();
      await turns();
      require(this.isOver, () => "the client does not come to an end");
      await this.#shown;
      require(this.#time.idle, () => "a timer is left");
      if (this.#fault !== undefined) throw this.#fault;
    } finally {
      Deno.connect = this.#connect;
    }
  }

  #hear(text: string): void {
    if (/was silent for|ends the connection|is gone: nobody kept it/.test(text)) return;
    try {
      this.tally.refuse(text);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  /** Whoever watches. */
  async #show(): Promise<void> {
    let next: number | undefined;
    let lostBytes = 0;
    try {
      for await (const { offset, bytes } of this.#client.outputs()) {
        const gapBytes = this.#client.lostBytes - lostBytes;
        lostBytes += gapBytes;
        require(
          bytes.length > 0 && Number.isSafeInteger(offset + bytes.length) &&
            (next === undefined || offset === next + gapBytes),
          () => `output of ${bytes.length} at ${offset}, after ${next} and a gap of ${gapBytes}`,
        );
        next = offset + bytes.length;
        this.#next = next;
        this.tally.accepted++;
      }
    } catch (error) {
      const isTyped = error instanceof UsageError || error instanceof UnavailableError ||
        error instanceof PeerError;
      if (!isTyped) this.#fault ??= error as Error;
      else if (error instanceof UsageError) this.tally.refuse(error.message);
    }
    this.isOver = true;
  }

  #write(length: number): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#client.write(new Uint8Array(length)).then(
      () => this.#isWriting = false,
      (error) => this.#fault ??= error,
    );
    this.#inputNext += length;
  }

  #frame(): Bytes {
    const { random } = this;
    if (random.below(100) === 0) return randomBytes(random, 1 + random.below(60));
    return encodeMessage(this.#message());
  }

  #message(): Message {
    const { random } = this;
    const dice = random.below(100);
    if (!this.#isGreeted && dice < 90) {
      this.#isGreeted = true;
      return this.#hello();
    }
    if (dice < 40) {
      return { type: "output", offset: likely(random, this.#next), bytes: someBytes(random) };
    }
    if (dice < 70) {
      return {
        type: "inputAck",
        offset: random.below(20) > 0 ? 0 : oddNumber(random, this.#inputNext),
      };
    }
    if (dice < 90) return { type: "ping" };
    if (dice < 94) return { type: "notLive" };
    if (dice < 97) return { type: "gap", from: this.#next, to: oddNumber(random, this.#next + 10) };
    return random.pick<Message>([
      this.#hello(),
      {
        type: "end",
        reason: random.pick(Object.values(EndReason)),
        exitCode: 0,
        why: oddText(random, "bye"),
      },
      { type: "outputAck", offset: oddNumber(random, this.#next) },
      { type: "input", offset: 0, bytes: someBytes(random) },
      { type: "clientHello", client: 1n, have: undefined, wantsInput: true },
    ]);
  }

  #hello(): ServerHello {
    const { random } = this;
    return {
      type: "serverHello",
      inputNext: random.below(20) > 0 ? 0 : oddNumber(random, this.#inputNext),
      outputNext: random.below(20) > 0 ? this.#next : oddNumber(random, this.#next),
      generation: random.below(20) > 0 ? 1 : oddNumber(random, 1),
      machineId: random.below(50) > 0 ? "m1" : oddText(random, "m2"),
    };
  }
}
