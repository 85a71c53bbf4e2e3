/**
 * A small deterministic simulation of the pair: the real protocol machines, all else fake, one seed.
 *
 * One action at a time, picked by chance among those that are possible: a thread goes on, a packet
 * arrives, a sink or the arbiter answers, time goes by, something breaks. After each, what the world has
 * seen is checked against what DESIGN.md section 1 promises.
 */
import assert from "node:assert/strict";
import { BackupProtocol } from "./backup.ts";
import type { Output } from "./output_gate.ts";
import { Chance, FakeArbiter, Lane, type Packet } from "./pair_parts_test_support.ts";
import { type Channel, Side } from "./pair_side_test_support.ts";
import { PrimaryProtocol, type PrimaryRules } from "./primary.ts";
import { backupRules, primaryRules } from "./protocol_test_support.ts";
import type { Halt } from "./types.ts";

/** A window of few frames and a patience of many packets: in peace nobody suspects anybody. */
export const simulatedRules: PrimaryRules = {
  ...primaryRules,
  windowBytes: 200,
  burstBytes: 40,
  heldBytesMax: 50,
  timeoutMs: 200,
};
const simulatedBackupRules = { ...backupRules, windowBytes: 200, keptBytesMax: 200 };

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
    first.reign(new PrimaryProtocol({ ...simulatedRules, commitReplayed }, 1));
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
    backup.backup = new BackupProtocol({ ...simulatedBackupRules, who: backup.name });
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
        assert.ok(primary.gate.heldBytes <= simulatedRules.heldBytesMax + 100);
      }
      if (backup === undefined) continue;
      assert.ok(backup.kept.bytes <= simulatedBackupRules.keptBytesMax);
      assert.ok(backup.progress.unreplayedBytes <= simulatedBackupRules.windowBytes + 1000);
    }
  }
}

function canArrive(lane: Lane, side: Side): boolean {
  return lane.packets.length > 0 && !lane.isDead && !side.isGone && !side.isStopped;
}
