/**
 * A simulated process: one primary, one backup, or first the one and then the other, on some host.
 *
 * Main does one thing after the other; it can be stopped with the whole process, busy for a while (garbage
 * collection), or slow. What comes in meanwhile waits in order. The vCPU's thread is only held up by a stop.
 * Effects are carried out in order, as the drivers in primary/ and backup/ do; between any two the process
 * can be struck.
 */
import { DefectError } from "../../base/assert.ts";
import { ExitCode, PeerError } from "../../base/errors.ts";
import { parseEtcdSpec } from "../../arbiter/etcd_spec.ts";
import type { Claimer } from "../../arbiter/claimer.ts";
import type { ClaimOutcome, Halt } from "../../protocol/types.ts";
import type { Output } from "../../protocol/output_gate.ts";
import type { Random } from "../support/random.ts";
import { BackupRole } from "./backup_role.ts";
import { SimFileOps } from "./directory.ts";
import { SimMembers } from "./etcd.ts";
import type { Host } from "./host.ts";
import { SimMachine } from "./machine.ts";
import type { Connection } from "./network.ts";
import { type Life, newLife } from "./outside.ts";
import { PrimaryRole } from "./primary_role.ts";
import type { World } from "./world.ts";

/** The machine's id, everywhere. */
export const MACHINE_ID = "m";

/** Nobody connects there: the simulation has its own gateway. */
const ETCD = parseEtcdSpec("etcd:http://192.0.2.1:2379");

/** See the top of the file. */
export class SimProcess {
  readonly world: World;
  readonly random: Random;
  readonly claimer: Claimer;
  role: PrimaryRole | BackupRole | undefined;
  /** What was seen of the machine that it runs, or follows. */
  life: Life = newLife();
  /** The highest generation that it has won. */
  generation = 0;
  /** It crashed or halted. */
  isGone = false;
  isStopped = false;
  halt: Halt | undefined;
  /** Somebody has asked it to leave. */
  isAskedToLeave = false;
  #busyUntilMs = 0;
  #waiting: (() => void)[] = [];
  #threadWaiting: (() => void)[] = [];
  #isDraining = false;
  #tickWaits = false;
  /** What it was about to carry out when it was stopped. */
  #unfinished: (() => void) | undefined;

  constructor(readonly host: Host, readonly name: string) {
    this.world = host.world;
    this.random = this.world.stream();
    const { code, config } = this.world;
    const arbiter = config.arbiter === "file"
      ? new code.FileArbiter("d", new SimFileOps(this, this.random))
      : new code.EtcdArbiter(ETCD, new SimMembers(this, this.random));
    const claimant = { machineId: MACHINE_ID, who: name, address: host.name };
    this.claimer = new code.Claimer(arbiter, claimant);
    this.#startTicks();
  }

  /** What a transcript calls it. */
  say(text: string): void {
    this.world.say(this.name, text);
  }

  // --- starting ---

  /** As `understudy primary`: reigns, or ends. */
  startPrimary(): void {
    const { winFirst, ReignsError } = this.world.code;
    this.say("starts as a primary");
    this.#await(winFirst(this.claimer, undefined), (generation) => {
      this.generation = generation;
      this.life = newLife();
      this.say(`starts the machine as generation ${generation}`);
      this.#reign(generation, [], new SimMachine());
    }, (error) => {
      const code = error instanceof ReignsError ? ExitCode.reigns : ExitCode.unavailable;
      this.end({ code, why: (error as Error).message });
    });
  }

  /** As `understudy backup`: joins, or tries to. */
  startBackup(): void {
    this.say("starts as a backup");
    this.role = new BackupRole(this);
  }

  /** From backup to primary: what backup/takeover.ts does. */
  goLive(generation: number, kept: readonly Output[], machine: SimMachine): void {
    this.role = undefined;
    this.world.scheduler.after(this.random.below(100) / 50, () =>
      this.onMain(() => {
        this.#reign(generation, kept, machine);
      }));
  }

  #reign(generation: number, kept: readonly Output[], machine: SimMachine): void {
    this.role = new PrimaryRole(this, generation, kept, machine);
    this.role.step({ type: "tick" });
  }

  // --- main ---

  /** Lets main do this as soon as it can. */
  onMain(work: () => void): void {
    if (this.isGone) return;
    if (this.#canWork && this.#waiting.length === 0) return this.#work(work);
    this.#waiting.push(work);
    if (!this.isStopped) this.#drainSoon();
  }

  /** Lets the vCPU's thread do this as soon as it can. */
  onThread(work: () => void): void {
    if (this.isGone) return;
    if (this.isStopped) this.#threadWaiting.push(work);
    else work();
  }

  /** Stopped in the middle of something: this is the rest of it. */
  onContinue(work: () => void): void {
    this.#unfinished = work;
  }

  /** Main is busy with itself. */
  beBusy(milliseconds: number): void {
    this.#busyUntilMs = this.world.scheduler.nowMs + milliseconds;
    this.say(`is busy for ${Math.round(milliseconds)} ms`);
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.isStopped || this.isGone) return;
    this.isStopped = true;
    this.say("is stopped");
  }

  /** SIGCONT. */
  continue(): void {
    if (!this.isStopped || this.isGone) return;
    this.isStopped = false;
    this.say("goes on");
    // Whether a process that wakes looks at its timers or at its sockets first, nobody promises.
    if (this.random.below(2) === 0) this.#waiting.unshift(() => this.role?.tick());
    if (this.#unfinished !== undefined) this.#waiting.unshift(this.#unfinished);
    this.#unfinished = undefined;
    const threadWork = this.#threadWaiting;
    this.#threadWaiting = [];
    for (const work of threadWork) work();
    this.#drainSoon();
  }

  get #canWork(): boolean {
    return !this.isStopped && this.world.scheduler.nowMs >= this.#busyUntilMs;
  }

  #work(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof DefectError || error instanceof PeerError) {
        this.end({ code: error.exitCode, why: error.message });
      } else this.world.fail("no defect", (error as Error).stack ?? String(error));
    }
    const { slowUntilMs } = this.host;
    const { nowMs } = this.world.scheduler;
    if (nowMs < slowUntilMs) this.#busyUntilMs = nowMs + this.random.below(40);
  }

  #drainSoon(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    const { scheduler } = this.world;
    scheduler.after(Math.max(0, this.#busyUntilMs - scheduler.nowMs), () => this.#drain());
  }

  /** One at a time: what it brings about may wait for promises. */
  #drain(): void {
    this.#isDraining = false;
    if (this.isGone || this.isStopped) return;
    if (this.#canWork) {
      const work = this.#waiting.shift();
      if (work !== undefined) this.#work(work);
    }
    if (this.#waiting.length > 0) this.#drainSoon();
  }

  #startTicks(): void {
    const { scheduler, config } = this.world;
    scheduler.after(config.heartbeatMs / 2, () => {
      if (this.isGone) return;
      this.#startTicks();
      if (this.#tickWaits) return;
      this.#tickWaits = true;
      this.onMain(() => {
        this.#tickWaits = false;
        this.role?.tick();
      });
    });
  }

  // --- the logging channel ---

  /** A whole frame has come in. */
  receive(connection: Connection, frame: Uint8Array): void {
    if (connection.isEndedFor(this)) return;
    if (connection.backup === this) {
      if (this.role instanceof BackupRole) this.role.receive(connection, frame);
      return;
    }
    try {
      const message = this.world.code.fromBackup(frame, connection.backup.name);
      if (!connection.isGreeted && message.type !== "hello") {
        throw new PeerError(`begins with a ${message.type} message, expected hello`);
      }
      connection.isGreeted = true;
      if (this.role instanceof PrimaryRole) return this.role.hear(connection, message);
      const refusal = {
        type: "refuse",
        why: "this side is a backup itself",
        retry: true,
      } as const;
      connection.toBackup.send(this.world.code.frameOf(refusal, 0, 1));
      connection.close(this);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.ended(connection, error.message);
    }
  }

  /** There is nothing to read any more: the other side has ended, or sends nonsense, or this side has closed. */
  ended(connection: Connection, why: string): void {
    if (!connection.end(this)) return;
    if (connection.primary === this) connection.close(this);
    if (this.role instanceof PrimaryRole) {
      this.role.step({ type: "closed", connection: connection.number, why });
    } else this.role?.ended(connection, why);
  }

  // --- the arbiter ---

  /** The production claimer asks; main goes on with what came of it. */
  claim(generation: number, ended: boolean, then: (outcome: ClaimOutcome) => void): void {
    const { holderOf } = this.world.code;
    this.#await(this.claimer.claim(generation, ended), (result) => {
      const outcome: ClaimOutcome = result.kind === "lost"
        ? { kind: "lost", holder: holderOf(result.holder), ended: result.holder.ended }
        : result;
      this.say(`hears: generation ${generation} ${outcome.kind}`);
      if (outcome.kind === "won") this.generation = generation;
      then(outcome);
    });
  }

  /** Asks whether a claim would be answered. */
  probe(then: (answer: { reachable: boolean; why: string }) => void): void {
    this.#await(this.claimer.probe(), then);
  }

  #await<T>(promise: Promise<T>, then: (value: T) => void, otherwise?: (error: unknown) => void) {
    const { promises } = this.world;
    promise.then((value) => {
      promises.noteWait();
      this.onMain(() => then(value));
    }, (error) => {
      promises.noteWait();
      this.onMain(() => {
        if (otherwise === undefined) throw error;
        otherwise(error);
      });
    });
  }

  // --- the end ---

  /** Halts: what was sent still arrives. */
  end(halt: Halt): void {
    if (this.isGone) return;
    this.halt = halt;
    this.isGone = true;
    this.say(`halts with code ${halt.code}: ${halt.why}`);
    this.world.endings.halted(this, halt);
    for (const connection of this.world.connectionsOf(this)) connection.close(this);
  }

  /**
   * Dies. Its kernel tells the other side, and what was sent arrives up to some byte; a host that dies tells
   * nobody.
   */
  crash(isHost: boolean, share: number): void {
    if (this.isGone) return;
    this.isGone = true;
    this.say(isHost ? "dies with its host" : "is killed");
    for (const connection of this.world.connectionsOf(this)) {
      connection.laneFrom(this).cut(share, isHost);
    }
  }
}
