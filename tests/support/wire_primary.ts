/**
 * The wire campaign's primary: the real connections and the real protocol, with a recorder, a sink and an arbiter
 * that do what they are told. Backups, and what calls itself so, send what they like.
 *
 * After every step: the Output Rule, the bounds of what is held and unreplayed, and nothing to who is gone.
 * Called by wire_fuzz.ts.
 */
import { sealMessage } from "../../codec/codec.ts";
import type { Bytes } from "../../base/layout.ts";
import { logFraming } from "../../link/log_framing.ts";
import { StreamLink } from "../../link/tcp.ts";
import { BackupConnections } from "../../primary/backup_connections.ts";
import { encodeMessage, type Message, messageKind } from "../../protocol/messages.ts";
import { type PrimaryEffect, type PrimaryInput, PrimaryProtocol } from "../../protocol/primary.ts";
import { backupRules, primaryRules, welcome } from "../../protocol/protocol_test_support.ts";
import type { Random } from "./random.ts";
import { turns, WireConnection, WireListener } from "./wire_connection.ts";
import { require, type Step, type Tally, type WireTarget } from "./wire_target.ts";
import {
  Alterer,
  joined,
  likely,
  logFormat,
  oddNumber,
  oddText,
  outcomeOf,
  randomBytes,
  someBytes,
  WILDNESS,
} from "./wire_values.ts";

/** Connections at a time. */
const CONNECTIONS = 6;
/** What one output or frame of the recorder has at most, in bytes. */
const PIECE_BYTES = 200;
/** Of a session, as the recorder makes them. */
const STATE_FRAMES = 3;
const MODES = ["alone", "securing", "protected", "claiming", "ending", "over"];
const OWN_AFFAIRS = [
  ...["tick", "tick", "frame", "frame", "output", "performed", "performed", "claimed", "claimed"],
  ...["probed", "paused", "handover", "connect", "stall", "flow", "end", "guestEnded"],
];

/** See the top of the file. */
export class PrimaryTarget implements WireTarget {
  isOver = false;
  readonly #protocol: PrimaryProtocol;
  readonly #listener = new WireListener();
  readonly #connections: BackupConnections;
  readonly #wires: WireConnection[] = [];
  /** By the number that the driver gives it: no effect may name it any more. */
  readonly #gone = new Set<number>();
  readonly #alterer: Alterer;
  #nowMs = 1000;
  /** The recorder: its log, if it keeps one, and where it stands. */
  #session: number | undefined;
  #sequence = 0;
  #point = 0;
  #outputOffset = 0;
  #isPaused = false;
  #isPausing = false;
  #hasEnded = false;
  #isProbing = false;
  #claim: number | undefined;
  #performing = 0;
  /** When the last heartbeat went out, by the primary's clock: what a backup that lives echoes. */
  #beatMs = 0;
  #fault: Error | undefined;

  constructor(private readonly random: Random, private readonly tally: Tally) {
    this.#alterer = new Alterer(random, logFormat, random.pick(WILDNESS));
    this.#protocol = new PrimaryProtocol(
      { ...primaryRules, commitReplayed: random.below(2) === 1 },
      1,
    );
    const listener = {
      address: "here",
      accept: async () => new StreamLink(await this.#listener.accept(), logFraming),
      close: () => this.#listener.close(),
      [Symbol.dispose]: () => this.#listener.close(),
    };
    this.#connections = new BackupConnections(listener, (text) => this.#hearSaid(text));
    this.#connections.serve((input) => this.#guarded(input));
  }

  draw(): Step {
    const { random } = this;
    if (this.#wires.every(({ isClosed }) => isClosed)) return { what: "connect", amount: 0 };
    if (random.below(100) < 40) {
      const what = random.pick(OWN_AFFAIRS);
      // What ends an episode is rare.
      if (what === "guestEnded" && random.below(8) > 0) return { what: "tick", amount: 5 };
      return { what, amount: random.below(PIECE_BYTES) };
    }
    const session = this.#protocol.session;
    const amount = session !== undefined && random.below(10) > 0
      ? session.connection - 1
      : random.below(this.#wires.length);
    let bytes = this.#alterer.pass(this.#frame());
    if (random.below(12) === 0) bytes = joined(bytes, this.#alterer.pass(this.#frame()));
    return { what: "bytes", amount, bytes, pieceBytes: random.pick([1e9, 1e9, 1e9, 57, 16, 5]) };
  }

  async take({ what, amount, bytes, pieceBytes }: Step): Promise<void> {
    if (what === "bytes" || what === "end" || what === "stall" || what === "flow") {
      const wire = this.#wires[amount % Math.max(1, this.#wires.length)];
      if (wire === undefined) return;
      if (what === "stall" || what === "flow") wire.stall(what === "stall");
      else if (what === "end") wire.end();
      else wire.feed(bytes!, pieceBytes!);
      if (what === "flow") await turns();
      await wire.settled(bytes?.length ?? 0);
    } else if (what === "connect") {
      const open = this.#wires.filter(({ isClosed }) => !isClosed).length;
      if (open < CONNECTIONS) this.#wires.push(await this.#listener.connect());
    } else {
      for (const input of this.#ownAffair(what, amount)) this.#step(input);
      await turns(10);
    }
    if (this.#fault !== undefined) throw this.#fault;
  }

  check(): void {
    const { mode, session, gate, rules } = this.#protocol;
    require(MODES.includes(mode), () => `mode ${mode}`);
    const { unreplayedBytes = 0, unappliedBytes = 0 } = session ?? {};
    require(
      unreplayedBytes < rules.windowBytes + PIECE_BYTES &&
        unappliedBytes < rules.pageWindowBytes + PIECE_BYTES &&
        gate.heldBytes <= rules.heldBytesMax + PIECE_BYTES,
      () =>
        `${unreplayedBytes} bytes not replayed, ${unappliedBytes} not applied, ${gate.heldBytes} held`,
    );
    require(
      (mode === "protected") === (session?.isProtected === true) || mode === "ending" ||
        mode === "over",
      () => `mode ${mode}, and a session that is ${session?.isProtected ? "" : "not "}protected`,
    );
  }

  async finish(): Promise<void> {
    for (const wire of this.#wires) wire.stall(false);
    const closed = this.#connections.close();
    await turns();
    for (const wire of this.#wires) require(wire.isClosed, () => "a connection that is not closed");
    await closed;
  }

  /** What comes from a connection: what the protocol throws must not be mistaken for a bad peer. */
  #guarded(input: PrimaryInput): void {
    try {
      if (input.type === "message") {
        this.tally.accepted++;
        require(!this.#gone.has(input.connection), () => "a message from who was let go");
      }
      this.#step(input);
      // Not before: what it answers to the loss of a connection goes nowhere, and may.
      if (input.type === "closed") this.#gone.add(input.connection);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  #hearSaid(text: string): void {
    const why = text.replace(/^connection dropped: /, "");
    try {
      this.tally.refuse(why);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  #step(input: PrimaryInput): void {
    if (this.isOver) return;
    const effects = this.#protocol.step(input, this.#nowMs);
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: PrimaryEffect): void {
    switch (effect.type) {
      case "send":
      case "sendFrame":
        require(!this.#gone.has(effect.connection), () => `${effect.type} to who is gone`);
        if (effect.type === "sendFrame") {
          return this.#connections.sendFrame(effect.connection, effect.frame.bytes);
        }
        if (effect.message.type === "heartbeat") this.#beatMs = effect.message.sentMs;
        return this.#connections.send(effect.connection, effect.message, this.#protocol.generation);
      case "close":
        this.#gone.add(effect.connection);
        if (
          /outside of a session|is the backup|can't take|protocol version|this is/.test(effect.why)
        ) {
          this.tally.refuse(effect.why);
        }
        return this.#connections.drop(effect.connection, effect.why);
      case "perform":
        return this.#perform(effect.output.point);
      case "startLog":
        this.#beatMs = 0;
        this.#session = effect.session;
        this.#sequence = 0;
        return;
      case "stopLog":
        this.#session = undefined;
        return;
      case "pause":
        this.#isPausing = true;
        return;
      case "resume":
        this.#isPaused = this.#isPausing = false;
        return;
      case "probeArbiter":
        this.#isProbing = true;
        return;
      case "claim":
        require(this.#claim === undefined, () => "two claims at once");
        this.#claim = effect.generation;
        return;
      case "report": {
        const breach = effect.text.match(/breaks the protocol: ([^]*)$/);
        if (breach !== null) this.tally.refuse(breach[1]!);
        return;
      }
      case "halt":
        this.isOver = true;
    }
  }

  /** The Output Rule. */
  #perform(point: number): void {
    const { mode, session } = this.#protocol;
    require(mode === "alone" || mode === "protected", () => `an output is performed while ${mode}`);
    const through = session?.acked?.through ?? -1;
    require(
      mode === "alone" || point <= through,
      () => `the output at ${point} is performed, acknowledged up to ${through}`,
    );
    this.#performing++;
  }

  /** What the recorder, the sink, the arbiter, the clock or the user says, if it can be said now. */
  *#ownAffair(what: string, amount: number): Generator<PrimaryInput> {
    const runs = !this.#isPaused && !this.#hasEnded && this.#protocol.accepting;
    const logs = this.#session !== undefined;
    switch (what) {
      case "tick":
        this.#nowMs += amount < 190 ? amount >> 3 : 110;
        return yield { type: "tick" };
      case "output": {
        if (!runs) return;
        const bytes = new Uint8Array(1 + amount);
        const offset = this.#outputOffset;
        this.#outputOffset += bytes.length;
        return yield { type: "output", output: { sink: 0, offset, point: ++this.#point, bytes } };
      }
      case "frame":
        if (runs && logs) yield this.#logged(amount);
        return;
      case "performed":
        if (this.#performing === 0) return;
        this.#performing--;
        return yield { type: "performed", sink: 0 };
      case "claimed": {
        if (this.#claim === undefined) return;
        const generation = this.#claim;
        this.#claim = undefined;
        return yield { type: "claimed", generation, outcome: outcomeOf(amount) };
      }
      case "probed":
        if (!this.#isProbing) return;
        this.#isProbing = false;
        return yield { type: "probed", reachable: amount % 5 > 0, why: "no answer" };
      case "paused":
        if (!this.#isPausing) return;
        this.#isPausing = false;
        this.#isPaused = true;
        if (logs) yield this.#logged(amount);
        return yield { type: "paused", sequence: this.#sequence };
      case "handover":
        return yield { type: "handover" };
      case "guestEnded":
        if (!runs) return;
        this.#hasEnded = true;
        if (logs) yield this.#logged(amount);
        yield {
          type: "guestEnded",
          end: { why: "done", code: amount % 2 },
          sequence: this.#sequence,
        };
    }
  }

  /** A session's first frames have pages of its state, the next one completes that. */
  #logged(amount: number): PrimaryInput {
    const isPages = this.#sequence < STATE_FRAMES - 1;
    if (!isPages) this.#point += amount % 4;
    const through = isPages ? 0 : this.#point;
    const frame = {
      session: this.#session!,
      sequence: ++this.#sequence,
      through,
      inputOffset: this.#point,
      ranUs: 1000 * through,
      completesState: this.#sequence === STATE_FRAMES,
      bytes: new Uint8Array(amount),
    };
    return { type: isPages ? "pages" : "frame", frame };
  }

  /** A frame that a backup could send, or that looks like it. */
  #frame(): Bytes {
    const { random } = this;
    const message = this.#message();
    const header = { generation: oddNumber(random, 1, 2 ** 32 - 1), sequence: 1, through: 0 };
    const odd = random.below(200);
    if (odd === 0) return sealMessage(2 + random.below(30), header, someBytes(random));
    if (odd === 1) return randomBytes(random, 1 + random.below(120));
    return sealMessage(messageKind(message.type), header, encodeMessage(message));
  }

  #message(): Message {
    const { random } = this;
    const { session, generation } = this.#protocol;
    const dice = random.below(100);
    if (dice < (session === undefined ? 80 : 3)) return this.#hello();
    if (dice < 90) return this.#ack();
    if (session?.awaitsRenewal && dice < 97) {
      const pages = likely(random, session.toldPages);
      if (random.below(2) === 0) return { type: "renew", pages };
      const hashes = new Uint8Array(8 * random.below(3) + Math.floor(random.below(20) / 19));
      return { type: "pages", first: pages, hashes };
    }
    switch (random.below(9)) {
      case 0:
        return { type: "leave", why: oddText(random, "bye") };
      case 1:
        return {
          type: "diverged",
          point: oddNumber(random, this.#point),
          place: oddText(random, "regs.rbx"),
          recorded: oddText(random, "1"),
          replayed: oddText(random, "2"),
          after: oddNumber(random, this.#point),
          checksums: someBytes(random),
        };
      case 2:
      case 3:
        return { type: "won", generation: likely(random, generation + 1, 2 ** 32 - 1) };
      case 4:
        return random.pick<Message>([
          welcome,
          { type: "refuse", why: "no", retry: true },
          { type: "heartbeat", sentMs: oddNumber(random, this.#nowMs) },
          { type: "done", sink: random.below(256), offset: oddNumber(random, 10) },
          { type: "renewing", session: 1, mayClaim: true },
          { type: "recorded", point: 1, exit: someBytes(random) },
          { type: "protected", stateSequence: 1 },
          { type: "handover", sequence: 1 },
          { type: "ended", why: "no" },
        ]);
      default:
        return this.#ack();
    }
  }

  #hello(): Message {
    const { random } = this;
    const machineId = random.pick(["", "", "", "m1", "m2", oddText(random, "m1")]);
    return {
      type: "hello",
      protocol: likely(random, 1, 2 ** 32 - 1),
      who: oddText(random, backupRules.who),
      machineId,
    };
  }

  #ack(): Message {
    const { random } = this;
    const { sent = 0, received = 0, replayed = 0 } = this.#protocol.session ?? {};
    // As a rule in order: then a session lives long.
    if (random.below(100) < 92) {
      const nowReceived = received + random.below(sent - received + 1);
      return {
        type: "ack",
        received: nowReceived,
        replayed: replayed + random.below(nowReceived - replayed + 1),
        point: 0,
        echoMs: random.below(4) === 0 ? 0 : this.#beatMs,
      };
    }
    return {
      type: "ack",
      received: oddNumber(random, random.pick([sent, received])),
      replayed: oddNumber(random, random.pick([replayed, received])),
      point: oddNumber(random, random.pick([0, this.#point])),
      echoMs: oddNumber(random, this.#nowMs),
    };
  }
}
