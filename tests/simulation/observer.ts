/**
 * The observer: sees everything, decides nothing, and says when a promise is broken.
 *
 * The promises of DESIGN.md section 1 and of docs/PROTOCOL.md, each judged by what truly happened (where the
 * log lies, who holds which register, what was seen), not by what a protocol machine believes. How sides end
 * is judged in endings.ts, what has settled in the end in run.ts.
 */
import { FrameDecoder } from "../../codec/codec.ts";
import type { BackupEffect, BackupInput } from "../../protocol/backup.ts";
import type { Output } from "../../protocol/output_gate.ts";
import type {
  LoggedFrame,
  PrimaryEffect,
  PrimaryInput,
  PrimaryProtocol,
} from "../../protocol/primary.ts";
import { BackupRole } from "./backup_role.ts";
import {
  BATCH_BYTES_MAX,
  FRAME_BYTES_MAX,
  HELD_BYTES_MAX,
  PAGE_WINDOW_BYTES,
  WINDOW_BYTES,
} from "./config.ts";
import type { Evidence } from "./evidence.ts";
import { type SimMachine, SINKS } from "./machine.ts";
import { type Connection, LANE_BYTES_MAX } from "./network.ts";
import { showOutput } from "./outside.ts";
import type { PrimaryRole } from "./primary_role.ts";
import type { SimProcess } from "./process.ts";
import { RING_RECORDS } from "./recorder.ts";
import type { PromiseName, World } from "./world.ts";

/** The sides read whole milliseconds, of clocks that differ. */
const CLOCK_GRAIN_MS = 1.5;
/** One for all: here a frame stands for itself. */
const decoder = new FrameDecoder();

/** See the top of the file. */
export class Observer {
  /** Who reigned in each generation. */
  readonly #reigns = new Map<number, SimProcess>();
  /** What each process that took over knew from its session. */
  readonly #sessions = new Map<SimProcess, Evidence>();
  /** Who may hold more than usual: a healing is under way, or has left that behind. */
  readonly #swollen = new Set<SimProcess>();
  takeovers = 0;
  handovers = 0;
  divergences = 0;
  /** Machines that got a state after a divergence. */
  healings = 0;

  constructor(private readonly world: World) {}

  // --- who reigns ---

  /** A side goes live: as a fresh primary, or by a takeover. */
  reigns(role: PrimaryRole): void {
    const { process, machine } = role;
    const { generation } = role.protocol;
    this.#checkReign(process, generation, "goes live");
    const session = this.#sessions.get(process);
    if (session === undefined) return;
    if (session.isHandoverHeard) this.handovers++;
    else this.takeovers++;
    this.#checkMachine(process, machine, session);
    for (let sink = 0; sink < SINKS; sink++) {
      const seen = process.life[sink]!.bytes.length;
      const reach = machine.offsets[sink]!;
      if (seen <= reach) continue;
      this.#fail(
        "nothing lost",
        `${process.name} goes live at sink ${sink}, offset ${reach}; ${seen} was seen`,
      );
    }
    for (const { sink, offset } of firstOfEach(role.protocol.gate.undone())) {
      const seen = process.life[sink]!.bytes.length;
      if (offset > seen) {
        this.#fail(
          "nothing lost",
          `${process.name} kept sink ${sink} from ${offset} on; ${seen} was seen`,
        );
      }
    }
  }

  /** A machine that goes live is the one that was recorded; what its own memory did since, nobody can see. */
  #checkMachine(process: SimProcess, machine: SimMachine, { sent, heldSequence }: Evidence): void {
    const frame = sent[heldSequence - 1];
    if (machine.isFlipped || frame === undefined) return;
    const recorded = digestIn(frame);
    if (recorded === machine.digest) return;
    const what = `${process.name} goes live as ${machine.digest}, recorded was ${recorded}`;
    this.#fail("no silent divergence", what);
  }

  /**
   * In its generation no other one reigns, and the register says so.
   * @param endSeenMs when its backup saw the connection end. Such a backup waits for nothing; until the end
   *   has come here, too, what it has the log of may still be performed: for a timeout at most
   */
  #checkReign(process: SimProcess, generation: number, what: string, endSeenMs = -Infinity): void {
    const reigning = this.#reigns.get(generation);
    if (reigning !== undefined && reigning !== process) {
      this.#fail(
        "one at a time",
        `${process.name} ${what} in generation ${generation} of ${reigning.name}`,
      );
    }
    this.#reigns.set(generation, process);
    const holder = this.world.holderOf(generation);
    if (holder?.who !== process.name) {
      const whose = `${holder?.who ?? "nobody"} holds generation ${generation}`;
      this.#fail("one at a time", `${process.name} ${what}, but ${whose}`);
    }
    const next = this.world.holderOf(generation + 1);
    const { scheduler, config } = this.world;
    const graceEndsMs = endSeenMs + config.timeoutMs + CLOCK_GRAIN_MS;
    if (next !== undefined && next.who !== process.name && scheduler.nowMs > graceEndsMs) {
      const whose = `${next.who} has won generation ${generation + 1}`;
      this.#fail(
        "one at a time",
        `${process.name} ${what} in generation ${generation}, but ${whose}`,
      );
    }
  }

  // --- the primary's decisions ---

  /** A primary has taken an input in, and is about to do this. */
  primaryDecided(role: PrimaryRole, input: PrimaryInput, effects: readonly PrimaryEffect[]): void {
    if (input.type === "claimed" && input.outcome.kind === "won") role.guard = undefined;
    if (input.type === "message" && role.guard?.number === input.connection) {
      const { type } = input.message;
      if (type === "diverged") role.healing = role.guard;
      if (type === "diverged" || type === "leave") role.guard = undefined;
    }
    // The backup may have diverged once more by now, which its primary does not know.
    if (role.protocol.mode !== "healing") role.healing = undefined;
    for (const effect of effects) {
      if (effect.type === "close" && role.healing?.number === effect.connection) {
        role.healing = undefined;
      }
      if (effect.type === "perform") this.#checkPerform(role, effect.output);
      else if (effect.type === "inputCommitted") this.#checkInput(role, effect.offset);
      else if (effect.type === "sendFrame") {
        const { evidence } = this.world.connections[effect.connection]!;
        this.#checkPoint(role, evidence.sent.at(-1), effect.frame);
        evidence.noteSent(effect.frame);
        // The backup may claim once it has replayed that, without being told.
        const isHealed = effect.frame.completesState && role.healing !== undefined;
        if (isHealed) role.guard = role.healing;
      } else if (effect.type === "resume") role.offeredPoint = undefined;
      else if (effect.type === "send") {
        const connection = this.world.connections[effect.connection]!;
        if (effect.message.type === "protected") this.#checkProtection(role, connection);
        if (effect.message.type === "handover") role.offeredPoint = role.machine.point;
      }
    }
    this.#checkPrimaryBounds(role);
  }

  /** An execution point is one place: what is acknowledged up to there must not mean two. */
  #checkPoint(
    { process: { name }, machine }: PrimaryRole,
    last: LoggedFrame | undefined,
    frame: LoggedFrame,
  ): void {
    // Pages that were sent while the machine ran are of no point.
    if (last === undefined || last.through === 0 || machine.isFlipped) return;
    if (last.through !== frame.through) return;
    const [one, other] = [last, frame].map(digestIn);
    if (one === other) return;
    const what = `${name} logs two states of point ${frame.through}: ${one} and ${other}`;
    this.#fail("no silent divergence", what);
  }

  /** A backup that may claim can reach all that was seen. */
  #checkProtection(role: PrimaryRole, connection: Connection): void {
    role.guard = connection;
    const { evidence, backup } = connection;
    // It has diverged again, and its primary does not know yet.
    if (evidence.hasRenounced && evidence.heldSequence === 0) return;
    evidence.generation = role.protocol.generation;
    const session = backup.role instanceof BackupRole ? backup.role.session : undefined;
    if (session?.connection !== connection) return;
    if (!session.replayer.isWhole) {
      this.#fail("nothing lost", `${backup.name} is protected without a state`);
    } else if (evidence.heldThrough < role.performedThrough) {
      const held = `${backup.name} is protected, and holds the log through ${evidence.heldThrough}`;
      this.#fail(
        "nothing lost",
        `${held}; outputs of point ${role.performedThrough} are performed`,
      );
    }
  }

  /** The Output Rule, at the moment at which it is decided that an output leaves. */
  #checkPerform(role: PrimaryRole, output: Output): void {
    const { process, guard } = role;
    role.performedThrough = Math.max(role.performedThrough, output.point);
    this.#checkReign(process, process.generation, "performs", guard?.evidence.endSeenMs);
    if (role.healing?.evidence.hasRenounced) {
      const what = `${process.name} performs ${showOutput(output)} while its backup is healed`;
      this.#fail("held elsewhere", what);
    }
    if (guard === undefined || guard.evidence.hasRenounced) return;
    const { heldThrough, replayedThrough } = guard.evidence;
    const { commitReplayed } = this.world.config.primaryRules;
    const through = commitReplayed ? replayedThrough : heldThrough;
    if (through >= output.point) return;
    const where = `${guard.backup.name} ${commitReplayed ? "has replayed" : "holds"} the log`;
    this.#fail(
      "held elsewhere",
      `${process.name} performs ${showOutput(output)}; ${where} through ${through}`,
    );
  }

  /** What may be held: while the backup is healed, all that the thread had put out before it stood still as well. */
  #heldMax(process: SimProcess, { mode, gate }: PrimaryProtocol): number {
    const keptMax = this.#sessions.has(process) ? 4 * (HELD_BYTES_MAX + BATCH_BYTES_MAX) : 0;
    const limit = Math.max(HELD_BYTES_MAX, keptMax) + BATCH_BYTES_MAX;
    if (mode === "healing") this.#swollen.add(process);
    else if (gate.heldBytes <= limit) this.#swollen.delete(process);
    return this.#swollen.has(process) ? limit + RING_RECORDS * BATCH_BYTES_MAX : limit;
  }

  #checkInput({ process, guard }: PrimaryRole, offset: number): void {
    if (guard === undefined || guard.evidence.hasRenounced) return;
    const { heldInput, replayedInput } = guard.evidence;
    const held = this.world.config.primaryRules.commitReplayed ? replayedInput : heldInput;
    if (offset <= held) return;
    const where = `${guard.backup.name} holds it up to ${held}`;
    this.#fail("held elsewhere", `${process.name} commits input up to ${offset}; ${where}`);
  }

  #checkPrimaryBounds({ process, protocol }: PrimaryRole): void {
    const { gate, session } = protocol;
    this.#bounded(
      process,
      "bytes of output held",
      gate.heldBytes,
      this.#heldMax(process, protocol),
    );
    if (session === undefined) return;
    const { connection, unreplayedBytes, unappliedBytes } = session;
    this.#bounded(
      process,
      "bytes of log not replayed",
      unreplayedBytes,
      WINDOW_BYTES + FRAME_BYTES_MAX,
    );
    this.#bounded(
      process,
      "bytes of pages not applied",
      unappliedBytes,
      PAGE_WINDOW_BYTES + FRAME_BYTES_MAX,
    );
    const { bytes } = this.world.connections[connection]!.toBackup;
    this.#bounded(process, "bytes on their way", bytes, LANE_BYTES_MAX);
  }

  // --- the backup's decisions ---

  /** A backup has taken an input in, and is about to do this. */
  backupDecided(role: BackupRole, input: BackupInput, effects: readonly BackupEffect[]): void {
    const { process } = role;
    const { connection, protocol, replayer } = role.session!;
    const { evidence } = connection;
    if (input.type === "replayed") evidence.noteReplayed(input.sequence);
    if (input.type === "diverged") this.divergences++;
    if (effects.some(({ type }) => type === "renew")) evidence.noteDiverged();
    if (input.type === "state" && protocol.isProtected && evidence.hasRenounced) {
      this.healings++;
      evidence.isProtectedHeard = true;
      evidence.hasRenounced = false;
      evidence.generation = protocol.welcome!.generation;
    }
    const hasLost = effects.some(({ type }) => type === "close");
    if (hasLost && input.type !== "tick") evidence.endSeenMs = this.world.scheduler.nowMs;
    if (input.type === "message" && protocol.phase !== "claiming") {
      const { message } = input;
      if (message.type === "renewing") evidence.noteRenewing(message.session);
      if (message.type === "protected" && protocol.isProtected) {
        evidence.isProtectedHeard = true;
        evidence.hasRenounced = false;
      }
      if (message.type === "handover" && effects.some(({ type }) => type === "drain")) {
        evidence.isHandoverHeard = true;
      }
      if (message.type === "done" && protocol.phase === "following") {
        evidence.doneHeard[message.sink] = message.offset;
      }
    }
    for (const effect of effects) {
      if (effect.type === "claim" && evidence.hasRenounced) {
        this.#fail("no silent divergence", `${process.name} claims, and has diverged`);
      }
      if (effect.type === "feed") evidence.noteHeld(effect.frame.sequence, effect.frame.bytes);
      else if (effect.type === "rejoin" && evidence.isProtectedHeard) {
        const isReason = effect.diverged && this.world.hasFlips;
        if (!isReason) {
          this.#fail("one side goes on", `${process.name} drops its claim: ${effect.why}`);
        }
      } else if (effect.type === "goLive") {
        this.#sessions.set(process, evidence);
        this.#checkHandover(connection.primary, process, replayer.machine.point);
      }
    }
    this.#bounded(
      process,
      "bytes of output kept",
      protocol.kept.bytes,
      4 * (HELD_BYTES_MAX + BATCH_BYTES_MAX),
    );
    const { unreplayedBytes } = protocol.progress;
    this.#bounded(
      process,
      "bytes of log not replayed",
      unreplayedBytes,
      WINDOW_BYTES + PAGE_WINDOW_BYTES + 3 * FRAME_BYTES_MAX,
    );
  }

  /** What a machine that was handed over did after that would be lost. */
  #checkHandover(from: SimProcess, to: SimProcess, point: number): void {
    const { role } = from;
    if (role === undefined || !("offeredPoint" in role) || role.offeredPoint === undefined) return;
    if (role.machine.point === point) return;
    this.#fail(
      "a handover stands still",
      `${to.name} goes live at point ${point}, ${from.name}'s machine stands at ${role.machine.point}`,
    );
  }

  // --- what was seen ---

  /** Something was seen again. */
  repeated(
    process: SimProcess,
    generation: number,
    sink: number,
    offset: number,
    first: number,
  ): void {
    // An older side's sink may have been slow, or the side was stopped with the output on its way.
    if (generation < first) return;
    const session = this.#sessions.get(process);
    const what = `${process.name} shows sink ${sink}, offset ${offset} again`;
    if (session === undefined || generation === first) this.#fail("little repeated", what);
    else if (session.doneHeard[sink]! > offset) {
      this.#fail(
        "little repeated",
        `${what}; its notice up to ${session.doneHeard[sink]} had come`,
      );
    } else if (session.isHandoverHeard) this.#fail("little repeated", `${what}, after a handover`);
  }

  #bounded(process: SimProcess, what: string, value: number, limit: number): void {
    if (value > limit) {
      this.#fail("memory bounded", `${process.name}: ${value} ${what}, limit ${limit}`);
    }
  }

  #fail(promise: PromiseName, what: string): void {
    this.world.fail(promise, what);
  }
}

function firstOfEach(outputs: readonly Output[]): Output[] {
  return outputs.filter(({ sink }, at) => outputs.findIndex((one) => one.sink === sink) === at);
}

/** The digest that a frame says its machine has. */
function digestIn({ bytes }: Pick<LoggedFrame, "bytes">): number {
  return decoder.open(bytes).exitsChecksum;
}
