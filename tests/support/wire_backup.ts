/**
 * The wire campaign's backup: one session of the real protocol, decoded as backup/backup_side.ts does, with a
 * replayer and an arbiter that do what they are told. A primary, or what calls itself so, sends what it likes.
 *
 * After every step: the bounds of what is kept and not replayed, and that nobody claims who may not.
 * Called by wire_fuzz.ts.
 */
import { checkMachineId } from "../../arbiter/arbiter.ts";
import { PeerError } from "../../base/errors.ts";
import type { Bytes } from "../../base/layout.ts";
import {
  FrameDecoder,
  FrameKind,
  MAX_DATA_BYTES,
  openMessage,
  readHeader,
  sealMessage,
} from "../../codec/codec.ts";
import { logFraming } from "../../link/log_framing.ts";
import { StreamLink } from "../../link/tcp.ts";
import { checkMemoryBytes } from "../../machine/guest_memory.ts";
import type { BackupEffect, BackupInput, ReceivedFrame } from "../../protocol/backup.ts";
import { BackupProtocol } from "../../protocol/backup.ts";
import { decodeMessage, encodeMessage, messageKind } from "../../protocol/messages.ts";
import { backupRules } from "../../protocol/protocol_test_support.ts";
import type { Random } from "./random.ts";
import { turns, WireConnection } from "./wire_connection.ts";
import { PrimaryVoice } from "./wire_primary_voice.ts";
import { require, type Step, type Tally, type WireTarget } from "./wire_target.ts";
import { outcomeOf } from "./wire_values.ts";

const PHASES = ["joining", "following", "diverged", "draining", "claiming", "live", "over"];
/** What a message with outputs of the generator has at most, in bytes, and a frame of the log. */
const PIECE_BYTES = 4096;
const FRAME_BYTES = 4 * MAX_DATA_BYTES;
const OWN_AFFAIRS = [
  ...["tick", "tick", "tick", "replay", "replay", "replay", "drained", "claimed"],
  ...["stall", "flow", "end", "leave", "diverged", "renewed", "renewed", "state"],
];
const RARE = ["end", "leave", "diverged"];

/** See the top of the file. */
export class BackupTarget implements WireTarget {
  isOver = false;
  readonly #protocol: BackupProtocol;
  readonly #wire = new WireConnection();
  readonly #link = new StreamLink(this.#wire, logFraming);
  readonly #decoder = new FrameDecoder();
  readonly #replayer = new FrameDecoder();
  readonly #voice: PrimaryVoice;
  readonly #received: Promise<void>;
  readonly #fed: ReceivedFrame[] = [];
  #nowMs = 1000;
  #sequence = 0;
  #lastFed = 0;
  #outputOffset = 0;
  #isDraining = false;
  #isClaiming = false;
  #isRenewing = false;
  #hasDiverged = false;
  #hasClosed = false;
  #isWon = false;
  #fault: Error | undefined;

  constructor(private readonly random: Random, private readonly tally: Tally) {
    const takeoverDiverged = random.below(2) === 1;
    const machineId = random.pick(["", "m1"]);
    this.#protocol = new BackupProtocol({ ...backupRules, takeoverDiverged, machineId });
    this.#voice = new PrimaryVoice(random, this.#protocol);
    this.#received = this.#receive();
    this.#step({ type: "connected" });
  }

  draw(): Step {
    const { random } = this;
    if (random.below(100) < 35) {
      const what = random.pick(OWN_AFFAIRS);
      if (RARE.includes(what) && random.below(10) > 0) return { what: "tick", amount: 5 };
      return { what, amount: random.below(100) };
    }
    const bytes = this.#voice.bytes();
    return { what: "bytes", amount: 0, bytes, pieceBytes: random.pick([1e9, 1e9, 1e9, 57, 16, 5]) };
  }

  async take({ what, amount, bytes, pieceBytes }: Step): Promise<void> {
    if (what === "bytes") this.#wire.feed(bytes!, pieceBytes!);
    else if (what === "end") this.#wire.end();
    else if (what === "stall" || what === "flow") this.#wire.stall(what === "stall");
    else this.#ownAffair(what, amount);
    await this.#wire.settled(bytes?.length ?? 0);
    if (this.#fault !== undefined) throw this.#fault;
  }

  check(): void {
    const { phase, kept, progress, rules } = this.#protocol;
    require(PHASES.includes(phase), () => `phase ${phase}`);
    require(
      kept.bytes <= rules.keptBytesMax + PIECE_BYTES &&
        progress.unreplayedBytes < rules.windowBytes + FRAME_BYTES,
      () => `${kept.bytes} bytes kept, ${progress.unreplayedBytes} not replayed`,
    );
    require(this.#link.queuedBytes <= 4 << 20, () => `${this.#link.queuedBytes} bytes wait`);
  }

  async finish(): Promise<void> {
    const { kept } = this.#protocol;
    require(kept.count <= kept.bytes, () => `${kept.count} outputs kept, of ${kept.bytes} bytes`);
    using _decoder = this.#decoder;
    using _replayer = this.#replayer;
    this.#wire.stall(false);
    this.#link.close();
    await turns();
    await this.#received;
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** As the driver does. */
  async #receive(): Promise<void> {
    let why = "closed by the other side";
    try {
      for (let frame; (frame = await this.#link.receive()) !== undefined;) this.#takeFrame(frame);
    } catch (error) {
      why = (error as Error).message;
      if (error instanceof PeerError) this.#refuse(why);
      else this.#fault ??= error as Error;
    }
    this.#hasClosed = this.#wire.isLeft = true;
    this.#guarded({ type: "closed", why });
  }

  #takeFrame(bytes: Bytes): void {
    if (this.isOver) return;
    const { kind } = readHeader(bytes);
    if (kind !== FrameKind.log) {
      const message = decodeMessage(kind, openMessage(bytes).payload);
      if (message.type === "welcome") {
        try {
          checkMachineId(message.machineId);
          checkMemoryBytes(message.memoryBytes);
        } catch (cause) {
          throw new PeerError(`welcome to what is no machine: ${(cause as Error).message}`);
        }
      }
      this.tally.accepted++;
      return this.#guarded({ type: "message", message });
    }
    const { generation, sequence, through } = this.#decoder.open(bytes);
    this.tally.accepted++;
    this.#guarded({ type: "frame", frame: { generation, sequence, through, bytes } });
  }

  #refuse(why: string): void {
    try {
      this.tally.refuse(why);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  /** What the protocol throws must not be mistaken for a bad peer. */
  #guarded(input: BackupInput): void {
    try {
      this.#step(input);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  #step(input: BackupInput): void {
    if (this.isOver) return;
    for (const effect of this.#protocol.step(input, this.#nowMs)) {
      this.#carryOut(effect);
    }
  }

  #carryOut(effect: BackupEffect): void {
    const { isProtected, welcome, rules } = this.#protocol;
    switch (effect.type) {
      case "send": {
        require(!this.#hasClosed, () => `${effect.message.type} to who is gone`);
        const header = {
          generation: welcome?.generation ?? 0,
          sequence: ++this.#sequence,
          through: 0,
        };
        const payload = encodeMessage(effect.message);
        return void this.#link.send(sealMessage(messageKind(effect.message.type), header, payload));
      }
      case "close":
        this.#hasClosed = true;
        return void this.#link.endSending().then(() => this.#link.close());
      case "feed":
        require(
          effect.frame.sequence === this.#lastFed + 1,
          () => `frame ${effect.frame.sequence} is fed`,
        );
        this.#lastFed++;
        return void this.#fed.push(effect.frame);
      case "done":
        require(effect.output.bytes.length > 0, () => "an output without bytes is done");
        return;
      case "drain":
        // While it is healed, what has come may give it its claim back: then it may claim, else not.
        require(isProtected || this.#hasDiverged, () => "drains, and is not protected");
        this.#isDraining = true;
        return;
      case "claim":
        require(isProtected && !this.#isClaiming, () => "claims, and may not");
        require(effect.generation === welcome!.generation + 1, () => `claims ${effect.generation}`);
        this.#isClaiming = true;
        return;
      case "goLive":
        require(isProtected && this.#isWon, () => "goes live without having won");
        require(this.#fed.length === 0 || rules.takeoverDiverged, () => "goes live, log is left");
        this.isOver = true;
        return;
      case "rejoin":
      case "halt":
        this.isOver = true;
        return;
      case "report": {
        const breach = effect.text.match(/breaks the protocol: ([^]*)$/);
        if (breach !== null) this.tally.refuse(breach[1]!);
        return;
      }
      case "renew":
        require(!isProtected, () => "a diverged backup may claim");
        this.#fed.length = this.#lastFed = 0;
        this.#isDraining = false;
        this.#isRenewing = this.#hasDiverged = true;
        return;
      case "diverged":
      case "recorded":
      case "prepare":
        return;
    }
  }

  /** What the replayer, the arbiter, the clock or the user says, if it can be said now. */
  #ownAffair(what: string, amount: number): void {
    switch (what) {
      case "tick":
        this.#nowMs += amount < 95 ? amount >> 3 : 110;
        return this.#step({ type: "tick" });
      case "replay":
        return this.#replay(amount);
      case "drained":
        if (!this.#isDraining || this.#fed.length > 0) return;
        this.#isDraining = false;
        return this.#step({ type: "drained" });
      case "diverged": {
        // The replay says so once, and then no more.
        if (this.#protocol.welcome === undefined) return;
        const divergence = { point: amount, place: "hash", recorded: "1", replayed: "2" };
        return this.#step({ type: "diverged", divergence });
      }
      case "renewed":
        if (!this.#isRenewing) return;
        this.#isRenewing = false;
        return this.#step({ type: "renewed", hashes: new Uint8Array(8 * amount) });
      case "state":
        this.#outputOffset = amount;
        return this.#step({ type: "state" });
      case "claimed": {
        if (!this.#isClaiming) return;
        this.#isClaiming = false;
        const outcome = outcomeOf(amount);
        this.#isWon = outcome.kind === "won";
        const generation = this.#protocol.welcome!.generation + 1;
        return this.#step({ type: "claimed", generation, outcome });
      }
      case "leave":
        return this.#step({ type: "leave", why: "asked to" });
    }
  }

  /** A frame is replayed: all its events are read, and the machine may put something out. */
  #replay(amount: number): void {
    const frame = this.#fed.shift();
    if (frame === undefined) return;
    this.#replayer.open(frame.bytes);
    while (this.#replayer.next() !== undefined);
    if (amount % 2 === 1) {
      const bytes = new Uint8Array(amount);
      const output = { sink: 0, offset: this.#outputOffset, point: frame.through, bytes };
      this.#outputOffset += amount;
      this.#step({ type: "output", output });
    }
    this.#step({ type: "replayed", sequence: frame.sequence, point: frame.through });
  }
}
