/**
 * One process of the simulated pair: a backup, a primary, or first the one and then the other. The
 * protocol is the real one; this carries its effects out in a fake world, a step of each at a time.
 */
import assert from "node:assert/strict";
import type { BackupEffect, BackupInput, BackupProtocol, ReceivedFrame } from "./backup.ts";
import type { Output } from "./output_gate.ts";
import { FakeMachine, FakeRecorder, type Lane, payloadOf } from "./pair_parts_test_support.ts";
import { simulatedRules, type World } from "./pair_test_support.ts";
import { type PrimaryEffect, type PrimaryInput, PrimaryProtocol } from "./primary.ts";

/** A logging channel, one at each join. */
export interface Channel {
  readonly number: number;
  readonly primary: Side;
  readonly backup: Side;
  readonly toPrimary: Lane;
  readonly toBackup: Lane;
}

/** See the top of the file. */
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
    this.reign(new PrimaryProtocol({ ...simulatedRules, commitReplayed }, generation, kept));
  }

  reign(protocol: PrimaryProtocol): void {
    this.primary = protocol;
    this.backup = undefined;
    this.recorder = new FakeRecorder(this.machine, this.world.chance);
    this.step({ type: "tick" });
  }
}
