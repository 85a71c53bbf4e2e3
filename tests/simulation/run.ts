/**
 * One run of the simulation: a pair is started, troubles come, then there is peace, and in the end all must
 * have settled: one side goes on, protected if it can be, and whatever was held has come out.
 */
import { BackupRole } from "./backup_role.ts";
import { production, type ProtocolCode } from "./code.ts";
import type { Fault } from "./faults.ts";
import { SINKS } from "./machine.ts";
import type { PrimaryRole } from "./primary_role.ts";
import { type Violation, World } from "./world.ts";

/** How a run is made. */
export interface RunOptions {
  /** Default: production. */
  readonly code?: ProtocolCode;
  /** Write a transcript. */
  readonly isVerbose?: boolean;
  /** Default: as the seed draws them. */
  readonly faults?: readonly Fault[];
}

/** What came of a run. */
export interface RunResult {
  readonly violation: Violation | undefined;
  readonly faults: readonly Fault[];
  readonly transcript: readonly string[];
  readonly counts: RunCounts;
}

/** What a run has seen happen. */
export interface RunCounts {
  readonly steps: number;
  readonly takeovers: number;
  readonly handovers: number;
  readonly divergences: number;
  readonly healings: number;
  /** Sides that lost an arbitration. */
  readonly lost: number;
  /** Guests whose end was recorded. */
  readonly ended: number;
  readonly seenBytes: number;
  readonly repeatedBytes: number;
}

/** In peace all must have settled after so long: two joins that fall silent, and some patience. */
const SETTLE_MS = 15_000;
/** How often that is looked at. */
const LOOK_MS = 20;

/** Runs a seed. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const { code = production, isVerbose = false } = options;
  const world = new World(seed, code, isVerbose, options.faults);
  const judge = new Judge(world);
  world.start(world.hosts[0]!, "primary");
  world.scheduler.after(15, () => world.start(world.hosts[1]!, "backup"));
  world.faults.begin();
  world.scheduler.after(world.config.troubleMs, () => judge.makePeace());
  try {
    while (world.violation === undefined && !judge.isDone && world.scheduler.step()) {
      if (world.promises.isPending) await world.promises.run();
    }
  } catch (error) {
    world.fail("no defect", (error as Error).stack ?? String(error));
  }
  const { observer, endings, outside, scheduler, violation, transcript } = world;
  const { takeovers, handovers, divergences, healings } = observer;
  const { lost, ended } = endings;
  const { seenBytes, repeatedBytes } = outside;
  const { steps } = scheduler;
  const counts = {
    steps,
    takeovers,
    handovers,
    divergences,
    healings,
    lost,
    ended,
    seenBytes,
    repeatedBytes,
  };
  return { violation, faults: world.faults.faults, transcript, counts };
}

/** Ends the troubles, and waits until all has settled. */
class Judge {
  isDone = false;
  #untilMs = 0;
  #point: number | undefined;

  constructor(private readonly world: World) {}

  makePeace(): void {
    const { world } = this;
    world.say("observer", "from here on there is peace");
    world.isPeaceful = true;
    world.faults.disarm();
    world.partitions.clear();
    world.slowNetworkUntilMs = 0;
    for (const host of world.hosts) {
      host.clearRoad();
      host.slowUntilMs = host.slowSinkUntilMs = 0;
      host.running?.continue();
    }
    for (const connection of world.connections) world.obstruct(connection);
    if (world.primaries.length + world.running.length < 3) world.start(world.hosts[2]!, "backup");
    this.#checkPeace();
    this.#untilMs = world.scheduler.nowMs + SETTLE_MS;
    this.#look();
  }

  /** A run without any fault: nobody took anything over, nothing was seen twice. */
  #checkPeace(): void {
    const { faults, observer, outside, latestGeneration } = this.world;
    if (faults.faults.length > 0) return;
    if (observer.takeovers + outside.repeatedBytes > 0 || latestGeneration > 1) {
      this.world.fail("peace is peaceful", `generation ${latestGeneration}`);
    }
  }

  #look(): void {
    const { world } = this;
    const trouble = world.isQuiet ? this.#unreleased() : this.#unsettled();
    if (trouble === undefined) {
      if (world.isQuiet || world.primaries.length === 0) {
        this.isDone = true;
        return;
      }
      world.isQuiet = true;
      world.say("observer", "all has settled; the machine is let come to rest");
      this.#untilMs = world.scheduler.nowMs + SETTLE_MS;
    } else if (world.scheduler.nowMs > this.#untilMs) {
      return world.fail(world.isQuiet ? "all is released" : "one side goes on", trouble);
    }
    world.scheduler.after(LOOK_MS, () => this.#look());
  }

  /** What still has to happen; undefined: nothing. */
  #unsettled(): string | undefined {
    const { world } = this;
    const [role, second] = world.primaries;
    if (second !== undefined) return "two sides reign";
    const waiting = world.running.find((process) => process.role === undefined);
    if (waiting !== undefined) return `${waiting.name} is neither primary nor backup`;
    for (const { name, role } of world.running) {
      const protocol = role instanceof BackupRole ? role.session?.protocol : undefined;
      if (protocol === undefined || protocol.phase === "joining") continue;
      if (protocol.phase !== "following" || !protocol.isProtected) {
        return `${name} is ${protocol.phase}`;
      }
    }
    if (role === undefined) return this.#lostMachine();
    const { mode, generation } = role.protocol;
    const { name } = role.process;
    if (generation !== world.latestGeneration) return `${name} acts in generation ${generation}`;
    const wanted = world.running.length > 1 ? "protected" : "alone";
    if (mode !== wanted || mode === "protected" && !isFollowed(role)) {
      return `${name} is ${mode} in generation ${generation}, expected ${wanted}`;
    }
    // It must get on, too.
    const before = this.#point;
    this.#point = role.machine.point;
    return before === undefined || role.machine.point <= before ? "the machine stands" : undefined;
  }

  /** Nobody reigns: there must be a reason. */
  #lostMachine(): string | undefined {
    const { world } = this;
    if (world.hasEnded) return undefined;
    const generation = world.latestGeneration;
    if (generation === 0) return undefined;
    const { who } = world.holderOf(generation)!;
    const able = world.running.find(({ name, role }) =>
      name === who ||
      role instanceof BackupRole && role.session?.connection.evidence.isProtectedHeard &&
        role.session.connection.evidence.generation === generation
    );
    return able && `${able.name} could go on, and does not`;
  }

  /** What the machine has put out and nobody has seen. */
  #unreleased(): string | undefined {
    const { world } = this;
    const [role] = world.primaries;
    // A guest that has ended has put out its last: endings.ts has judged that.
    if (role === undefined) return world.hasEnded ? undefined : "the primary is gone, in peace";
    const { name } = role.process;
    if (!role.protocol.gate.isEmpty) return `${name} holds ${role.protocol.gate.heldBytes} bytes`;
    for (let sink = 0; sink < SINKS; sink++) {
      const seen = role.process.life[sink]!.bytes.length;
      const put = role.machine.offsets[sink]!;
      if (seen !== put) return `sink ${sink}: put out up to ${put}, seen up to ${seen}`;
    }
    return undefined;
  }
}

/** Whether the backup that a primary counts on is there, and knows it. */
function isFollowed({ guard }: PrimaryRole): boolean {
  const backup = guard?.backup;
  if (backup === undefined || backup.isGone || !(backup.role instanceof BackupRole)) return false;
  const { session } = backup.role;
  return session !== undefined && session.connection === guard && session.protocol.isProtected;
}
