/**
 * A backup's driver: connects, joins, joins anew after a loss, and carries the production protocol's effects
 * out in the simulated world, as backup/backup_side.ts and backup/follow.ts do in the real one.
 */
import { FrameDecoder } from "../../codec/codec.ts";
import { ExitCode, PeerError } from "../../base/errors.ts";
import { helloTimeoutMs } from "../../base/limits.ts";
import type { BackupEffect, BackupInput, BackupProtocol } from "../../protocol/backup.ts";
import type { Connection } from "./network.ts";
import type { SimProcess } from "./process.ts";
import type { SimReplayer } from "./replayer.ts";

/** Wait between two attempts to join. */
const REJOIN_MS = 250;
/** One for all: it checks a frame at one go. */
const decoder = new FrameDecoder();

/** One session: a protocol machine and all that goes with it. */
interface Session {
  readonly connection: Connection;
  readonly protocol: BackupProtocol;
  readonly replayer: SimReplayer;
}

/** See the top of the file. */
export class BackupRole {
  #session: Session | undefined;
  #sequence = 0;

  constructor(readonly process: SimProcess) {
    this.#connect();
  }

  /** The session that it is in, if it is in one. */
  get session(): Readonly<Session> | undefined {
    return this.#session;
  }

  tick(): void {
    if (this.#session !== undefined) this.#step({ type: "tick" });
  }

  /** Somebody asks it to leave. */
  leave(): void {
    this.process.isAskedToLeave = true;
    if (this.#session !== undefined) this.#step({ type: "leave", why: "asked" });
  }

  /** A frame from the primary. */
  receive(connection: Connection, frame: Uint8Array): void {
    if (connection !== this.#session?.connection) return;
    try {
      this.#step(this.process.world.code.fromPrimary(frame, decoder));
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.process.ended(connection, error.message);
    }
  }

  /** The primary sends nothing any more. */
  ended(connection: Connection, why: string): void {
    if (connection === this.#session?.connection) this.#step({ type: "closed", why });
  }

  /** Connects to whom people would name: the holder of the latest generation. */
  #connect(): void {
    const { process } = this;
    const { world } = process;
    world.connect(process, (connection) => {
      if (connection === undefined) return this.#rejoinLater();
      const protocol = new world.code.BackupProtocol(world.config.backupRules(process.name));
      const replayer = new world.code.SimReplayer(process, world.stream(), (notices) => {
        process.onMain(() => {
          for (const notice of notices) if (this.#session === session) this.#step(notice);
        });
      });
      const session = { connection, protocol, replayer };
      this.#session = session;
      this.#step({ type: "connected" });
      world.scheduler.after(helloTimeoutMs, () =>
        process.onMain(() => {
          if (this.#session !== session || protocol.phase !== "joining") return;
          this.#step({ type: "closed", why: "no whole frame in time" });
        }));
    });
  }

  #rejoinLater(): void {
    this.#session?.replayer.stop();
    this.#session = undefined;
    const { process } = this;
    if (process.isAskedToLeave) return process.end({ code: ExitCode.ok, why: "stopped" });
    process.world.scheduler.after(REJOIN_MS, () => process.onMain(() => this.#connect()));
  }

  #step(input: BackupInput): void {
    const { process } = this;
    const session = this.#session;
    if (process.isGone || session === undefined) return;
    const effects = session.protocol.step(input, process.host.clockMs);
    process.world.observer.backupDecided(this, input, effects);
    this.#carryOutFrom(session, effects, 0);
  }

  #carryOutFrom(session: Session, effects: readonly BackupEffect[], start: number): void {
    const { process } = this;
    for (let at = start; at < effects.length; at++) {
      process.world.faults.strike(process, effects[at]!);
      if (process.isGone) return;
      if (process.isStopped) {
        return process.onContinue(() => this.#carryOutFrom(session, effects, at));
      }
      this.#carryOut(session, effects[at]!);
    }
  }

  #carryOut({ connection, protocol, replayer }: Session, effect: BackupEffect): void {
    const { process } = this;
    const { world } = process;
    switch (effect.type) {
      case "send": {
        const generation = protocol.welcome?.generation ?? 0;
        if (world.isVerbose) world.sayMessage(process, effect.message);
        const frame = world.code.frameOf(effect.message, generation, ++this.#sequence);
        return connection.toPrimary.send(frame);
      }
      case "close":
        return connection.close(process);
      case "done": {
        const { sink, offset, bytes } = effect.output;
        return replayer.machine.doneThrough(sink, offset + bytes.length);
      }
      case "prepare":
      case "diverged":
      case "recorded":
        return;
      case "renew":
        return replayer.renew();
      case "feed":
        return replayer.feed(effect.frame.bytes);
      case "drain":
        return replayer.drain();
      case "claim":
        process.say(`claims generation ${effect.generation}`);
        return process.claim(effect.generation, false, (outcome) => {
          this.#step({ type: "claimed", generation: effect.generation, outcome });
        });
      case "goLive":
        replayer.stop();
        process.life = connection.primary.life;
        return process.goLive(effect.generation, effect.kept, replayer.machine);
      case "rejoin":
        process.say(`joins anew: ${effect.why}`);
        return this.#rejoinLater();
      case "report":
        return world.endings.reported(process, effect.text);
      case "halt":
        return process.end(effect);
    }
  }
}
