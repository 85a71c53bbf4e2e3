/**
 * A small deterministic simulation of the pair: the real protocol machines, all else fake, one seed.
 *
 * One action at a time, picked by chance among those that are possible: a thread goes on, a packet
 * arrives, a sink or the arbiter answers, time goes by, something breaks. After each, what the world has
 * seen is checked against what DESIGN.md section 1 promises.
 */
import assert from "node:assert/strict";
import { BackupProtocol } from "./backup.ts";
import type { BackupEffect, BackupInput, ReceivedFrame } from "./backup.ts";
import type { Output } from "./output_gate.ts";
import {
  Chance,
  FakeArbiter,
  FakeMachine,
  FakeRecorder,
  Lane,
  type Packet,
  payloadOf,
} from "./pair_parts_test_support.ts";
import { PrimaryProtocol } from "./primary.ts";
import type { PrimaryEffect, PrimaryInput } from "./primary.ts";
import { backupRules, primaryRules } from "./protocol_test_support.ts";
import type { Halt } from "./types.ts";

/** A window of few frames and a patience of many packets: in peace nobody suspects anybody. */
const rules = { ...primaryRules, windowBytes: 200, heldBytesMax: 50, timeoutMs: 200 };
const followerRules = { ...backupRules, windowBytes: 200, keptBytesMax: 200 };

interface Channel {
  readonly number: number;
  readonly primary: Side;
  readonly backup: Side;
  readonly toPrimary: Lane;
  readonly toBackup: Lane;
}

/** One process on one host: a backup, a primary, or first the one and then the other. */
export class Side {
  primary: PrimaryProtocol | undefined;
  backup: BackupProtocol | undefined;
  recorder: FakeRecorder | undefined;
  channel: Channel | undefined;
  machine = new FakeMachine();
  isStopped = false;
  /** It crashed, halted, or gave up its session. */
  isGone = false;
  isCorrupt = false;
  #isDraining = false;
  readonly #fed: ReceivedFrame[] = [];
  #claim: { generation: number; ended: boolean } | undefined;
  #claimed: BackupInput & PrimaryInput | undefined;
  /** Outputs that were handed to the sink, and whether the world has seen them. */
  readonly #performing: { output: Output; isSeen: boolean }[] = [];

  constructor(readonly world: World, readonly name: string) {}

  /** What this side could do next. */
  *actions(): Generator<() => void> {
    if (this.isGone || this.isStopped) return;
    const { recorder, primary } = this;
    if (recorder?.canRun) yield () => recorder.run();
    if (primary?.accepting && recorder!.ring.length > 0) {
      yield () => this.step(recorder!.ring.shift()!);
    }
    if (this.#fed.length > 0 || this.#isDraining) yield () => this.#replay();
    if (this.#claim !== undefined || this.#claimed !== undefined) yield () => this.#arbitrate();
    if (this.#performing.length > 0) yield () => this.#sink();
  }

  step(input: PrimaryInput | BackupInput): void {
    if (this.isGone) return;
    const { nowMs } = this.world;
    const effects = this.primary !== undefined
      ? this.primary.step(input as PrimaryInput, nowMs)
      : this.backup!.step(input as BackupInput, nowMs);
    for (const effect of effects) {
      if (this.world.crashesNow()) return this.crash(this.world.chance.happens(0.5));
      this.#carryOut(effect);
    }
  }

  /** Dies; its kernel tells the peers, unless its host died, too. */
  crash(isHost: boolean): void {
    this.isGone = true;
    for (const { primary, backup, toPrimary, toBackup } of this.world.channels) {
      if (primary === this) isHost ? toBackup.isDead = true : toBackup.send("closed");
      if (backup === this) isHost ? toPrimary.isDead = true : toPrimary.send("closed");
    }
  }

  #carryOut(effect: PrimaryEffect | BackupEffect): void {
    switch (effect.type) {
      case "send":
        return this.#lane(effect).send(effect.message);
      case "sendFrame": {
        const { sequence, through, bytes } = effect.frame;
        const { generation } = this.primary!;
        return this.#lane(effect).send({ generation, sequence, through, bytes });
      }
      case "close":
        return this.#close(effect);
      case "perform":
        this.world.checkRelease(this, effect.output);
        return void this.#performing.push({ output: effect.output, isSeen: false });
      case "startLog":
        return void this.recorder!.commands.push(() => this.recorder!.startLog(effect.session));
      case "stopLog":
      case "pause":
        return void this.recorder!.commands.push(() => this.recorder![effect.type]());
      case "resume":
        return void this.recorder!.commands.push(() => this.recorder!.isPaused = false);
      case "probeArbiter":
        return this.step({ type: "probed", reachable: this.world.arbiter.isReachable, why: "" });
      case "claim":
        assert.ok(this.#claim === undefined && this.#claimed === undefined, "two claims at once");
        this.#claim = { ended: false, ...effect };
        return;
      case "feed":
        return void this.#fed.push(effect.frame);
      case "drain":
        this.#isDraining = true;
        return;
      case "goLive":
        return this.#goLive(effect.generation, effect.kept);
      case "rejoin":
        this.world.rejoining++;
        this.isGone = true;
        return;
      case "halt":
        this.world.halts.push(effect);
        this.isGone = true;
    }
  }

  #lane(effect: PrimaryEffect | BackupEffect): Lane {
    if (!("connection" in effect)) return this.channel!.toPrimary;
    return this.world.channels[effect.connection]!.toBackup;
  }

  #close(effect: PrimaryEffect | BackupEffect): void {
    const channel = "connection" in effect
      ? this.world.channels[effect.connection]!
      : this.channel!;
    channel.toPrimary.send("closed");
    channel.toBackup.send("closed");
  }

  /** The replayer's thread: one frame, or the end of the drain. */
  #replay(): void {
    if (this.isCorrupt) {
      this.#isDraining = false;
      this.#fed.length = 0;
      const { point } = this.machine;
      const divergence = { point, place: "hash", recorded: "1", replayed: "2" };
      return this.step({ type: "diverged", divergence });
    }
    const frame = this.#fed.shift();
    if (frame === undefined) {
      this.#isDraining = false;
      return this.step({ type: "drained" });
    }
    const { state, events } = payloadOf(frame);
    if (state !== undefined) Object.assign(this.machine, state);
    for (const event of events) {
      const output = this.machine.run(event);
      if (output !== undefined) this.step({ type: "output", output });
    }
    this.step({ type: "replayed", sequence: frame.sequence, point: this.machine.point });
  }

  /** First the register is set, some time later the answer is read. */
  #arbitrate(): void {
    const { arbiter, chance } = this.world;
    if (this.#claimed !== undefined) {
      const answer = this.#claimed;
      this.#claimed = undefined;
      return this.step(answer);
    }
    const { generation, ended } = this.#claim!;
    this.#claim = undefined;
    const outcome = arbiter.claim(this.name, generation, ended, chance);
    this.#claimed = { type: "claimed", generation, outcome };
  }

  /** First the world sees it, some time later the primary hears of that. */
  #sink(): void {
    const first = this.#performing[0]!;
    if (!first.isSeen) {
      first.isSeen = true;
      return this.world.see(this, first.output);
    }
    this.#performing.shift();
    this.step({ type: "performed", sink: 0 });
  }

  #goLive(generation: number, kept: readonly Output[]): void {
    this.world.takeovers++;
    const { commitReplayed } = this.backup!.welcome!;
    this.reign(new PrimaryProtocol({ ...rules, commitReplayed }, generation, kept));
  }

  reign(protocol: PrimaryProtocol): void {
    this.primary = protocol;
    this.backup = undefined;
    this.recorder = new FakeRecorder(this.machine, this.world.chance);
    this.step({ type: "tick" });
  }
}

/** All of it. */
export class World {
  readonly chance: Chance;
  readonly arbiter = new FakeArbiter();
  readonly sides: Side[] = [];
  readonly channels: Channel[] = [];
  readonly seen: number[] = [];
  /** Bytes that were seen more than once. */
  repeated = 0;
  nowMs = 1000;
  crashRate = 0;
  /** Backups that will join anew, each as a new side. */
  rejoining = 0;
  takeovers = 0;
  readonly halts: Halt[] = [];
  readonly #performedUpTo = new Map<string, number>();
  readonly #reigns = new Map<number, Side>();

  constructor(seed: number, readonly commitReplayed: boolean) {
    this.chance = new Chance(seed);
    const first = this.#side();
    this.arbiter.registers.set(1, { who: first.name, ended: false });
    first.reign(new PrimaryProtocol({ ...rules, commitReplayed }, 1));
  }

  crashesNow(): boolean {
    return this.crashRate > 0 && this.chance.happens(this.crashRate);
  }

  /** Who is there and reigns, or would. */
  get primaries(): Side[] {
    return this.sides.filter(({ primary, isGone }) => primary !== undefined && !isGone);
  }

  get backups(): Side[] {
    return this.sides.filter(({ backup, isGone }) => backup !== undefined && !isGone);
  }

  /** A backup starts, and connects to some primary. */
  join(): void {
    if (this.primaries.length === 0) return;
    const backup = this.#side();
    const number = this.channels.length;
    const primary = this.chance.pick(this.primaries);
    const lanes = { toPrimary: new Lane(), toBackup: new Lane() };
    backup.channel = { number, primary, backup, ...lanes };
    this.channels.push(backup.channel);
    backup.backup = new BackupProtocol({ ...followerRules, who: backup.name });
    backup.step({ type: "connected" });
  }

  /** One action of those that are possible. */
  act(): void {
    const actions = this.sides.flatMap((side) => [...side.actions()]);
    for (const channel of this.channels) {
      const { toPrimary, toBackup, primary, backup } = channel;
      if (canArrive(toPrimary, primary)) actions.push(() => this.#arrive(channel, true));
      if (canArrive(toBackup, backup)) actions.push(() => this.#arrive(channel, false));
    }
    if (actions.length === 0 || this.chance.happens(0.15)) {
      return this.pass(1 + this.chance.below(6));
    }
    this.chance.pick(actions)();
    this.#checkBounds();
  }

  /** Time goes by. */
  pass(milliseconds: number): void {
    this.nowMs += milliseconds;
    for (const side of this.sides) if (!side.isStopped) side.step({ type: "tick" });
    if (this.rejoining === 0 || !this.chance.happens(0.05)) return;
    this.rejoining--;
    this.join();
  }

  /** The Output Rule, at the moment at which a primary lets an output go. */
  checkRelease(side: Side, output: Output): void {
    const protocol = side.primary!;
    const holder = this.arbiter.registers.get(protocol.generation);
    assert.equal(holder?.who, side.name, `performs in generation ${protocol.generation}`);
    assert.equal(this.#reigns.get(protocol.generation) ?? side, side, "two live sides");
    this.#reigns.set(protocol.generation, side);
    assert.ok(["alone", "protected"].includes(protocol.mode), `performs while ${protocol.mode}`);
    const { session } = protocol;
    if (!session?.isProtected) return;
    const { backup } = this.channels[session.connection]!;
    assert.ok(session.acked!.through >= output.point, "performs what is not acknowledged");
    const { received, replayed } = backup.backup?.progress ?? session;
    const held = this.commitReplayed ? replayed : received;
    assert.ok(held >= session.acked!.sequence, "performs what the backup does not hold");
  }

  /** The world sees an output: the next bytes, or the same ones as before. */
  see(side: Side, { offset, bytes }: Output): void {
    const before = this.#performedUpTo.get(side.name) ?? offset;
    assert.equal(offset, before, `${side.name} performs at ${offset} after ${before}`);
    this.#performedUpTo.set(side.name, offset + bytes.length);
    assert.ok(offset <= this.seen.length, `lost: ${offset} comes after ${this.seen.length}`);
    for (const [index, byte] of bytes.entries()) {
      const at = offset + index;
      if (at < this.seen.length) {
        assert.equal(byte, this.seen[at], `another byte at ${at}`);
        this.repeated++;
      } else this.seen.push(byte);
    }
  }

  #side(): Side {
    const side = new Side(this, `side${this.sides.length}`);
    this.sides.push(side);
    return side;
  }

  #arrive(channel: Channel, isToPrimary: boolean): void {
    const side = isToPrimary ? channel.primary : channel.backup;
    const packet: Packet = (isToPrimary ? channel.toPrimary : channel.toBackup).packets.shift()!;
    // A backup that went live has no ears for its old channel.
    if (!isToPrimary && side.backup === undefined) return;
    const connection = channel.number;
    if (packet === "closed") {
      side.step({ type: "closed", connection, why: "closed" });
    } else if ("sequence" in packet && "bytes" in packet) {
      side.step({ type: "frame", frame: packet });
    } else {
      side.step({ type: "message", connection, message: packet });
    }
  }

  #checkBounds(): void {
    for (const { primary, backup } of this.sides) {
      if (primary !== undefined) {
        assert.ok(primary.gate.heldBytes <= rules.heldBytesMax + 100);
      }
      if (backup === undefined) continue;
      assert.ok(backup.kept.bytes <= followerRules.keptBytesMax);
      assert.ok(backup.progress.unreplayedBytes <= followerRules.windowBytes + 1000);
    }
  }
}

function canArrive(lane: Lane, side: Side): boolean {
  return lane.packets.length > 0 && !lane.isDead && !side.isGone && !side.isStopped;
}
