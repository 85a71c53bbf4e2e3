/**
 * What can go wrong, drawn from the seed: a list of faults, each with its moment, that a run carries out.
 *
 * A fault is data, so that a failing run can be tried again without some of them (shrink.ts).
 */
import { PROTECTION_MODES } from "../../protocol/rules.ts";
import type { BackupEffect } from "../../protocol/backup.ts";
import type { PrimaryEffect } from "../../protocol/primary.ts";
import type { Random } from "../support/random.ts";
import { BackupRole } from "./backup_role.ts";
import type { Host } from "./host.ts";
import type { SimProcess } from "./process.ts";
import type { Road } from "./roads.ts";
import type { World } from "./world.ts";

/** The side that reigns, the one that follows it, or whichever host is left. */
export type Whom = "primary" | "backup" | "third";

/** One fault. What a kind does not need it ignores. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly durationMs: number;
  /** Who is struck: whoever is it then. */
  readonly whom: Whom;
  /** How much of something, from 0 to below 1; two of them. */
  readonly share: number;
  readonly otherShare: number;
  /** It waits for an effect of this name ("any": any), the how manieth. */
  readonly effect: string;
  readonly count: number;
}

/** Where a process can be struck besides at any effect: its name as {@link nameOf} says it. */
const EFFECTS = [
  ...[
    "any",
    "any",
    "perform",
    "claim",
    "goLive",
    "startLog",
    "sendFrame",
    "feed",
    "drain",
    "pause",
  ],
  ...["send protected", "send done", "send ack", "send kept", "send handover", "send won", "halt"],
];

const ROADS: readonly Road[] = ["failing", "hanging", "slow", "treacherous"];

type Act = (world: World, fault: Fault, host: Host) => void;

function setMode(world: World, share: number): void {
  const mode = PROTECTION_MODES[Math.floor(share * PROTECTION_MODES.length)]!;
  for (const role of world.primaries) {
    role.process.onMain(() => role.step({ type: "set", settings: { mode } }));
  }
}

/** What each kind does. */
const ACTS = {
  crash(world, { share, otherShare, durationMs }, host) {
    host.running?.crash(share < 0.4, otherShare);
    restart(world, host, otherShare, durationMs);
  },
  "crash at an effect": (world, fault) => world.faults.arm(fault),
  stop(world, { durationMs }, host) {
    const process = host.running;
    process?.stop();
    world.scheduler.after(durationMs, () => process?.continue());
  },
  "stop at an effect": (world, fault) => world.faults.arm(fault),
  "busy main": (_world, { durationMs }, host) => host.running?.beBusy(durationMs),
  "slow side"(world, { durationMs }, host) {
    host.slowUntilMs = world.scheduler.nowMs + durationMs;
  },
  "slow sink"(world, { durationMs }, host) {
    host.slowSinkUntilMs = world.scheduler.nowMs + durationMs;
  },
  "connection lost"(world, { share, otherShare }) {
    world.connections.at(-1)?.cut(share, otherShare);
  },
  "byte altered"(world, { share, otherShare }) {
    const connection = world.connections.at(-1);
    const lane = otherShare < 0.8 ? connection?.toBackup : connection?.toPrimary;
    lane?.damage(share);
  },
  partition(world, { share, otherShare, durationMs }, host) {
    const { name } = host;
    const others = world.hosts.filter((other) => other !== host);
    const directions = others.flatMap((other) => [
      ...(share < 0.7 ? [`${name}>${other.name}`] : []),
      ...(share > 0.3 ? [`${other.name}>${name}`] : []),
    ]);
    for (const direction of directions) world.partitions.add(direction);
    world.connections.forEach((connection) => world.obstruct(connection));
    if (otherShare < 0.3) return;
    world.scheduler.after(durationMs, () => {
      for (const direction of directions) world.partitions.delete(direction);
      world.connections.forEach((connection) => world.obstruct(connection));
    });
  },
  "slow network"(world, { durationMs }) {
    world.slowNetworkUntilMs = world.scheduler.nowMs + durationMs;
  },
  "arbiter's road"(world, { share, otherShare, durationMs }, host) {
    const hosts = otherShare < 0.5 ? world.hosts : [host];
    for (const one of hosts) {
      one.road = ROADS[Math.floor(share * ROADS.length)]!;
      world.scheduler.after(durationMs, () => one.clearRoad());
    }
  },
  // Memory that fails: often that is not all.
  "machine flips"(world, { share, otherShare }, host) {
    const process = host.running;
    const role = process?.role;
    const machine = role instanceof BackupRole ? role.session?.replayer.machine : role?.machine;
    if (machine === undefined) return;
    machine.flip();
    world.hasFlips = true;
    if (share > 0.6) return;
    world.scheduler.after(40 * share, () => {
      if (!world.isPeaceful) process?.crash(false, otherShare);
    });
  },
  handover(world, { share, otherShare }) {
    for (const role of world.primaries) {
      role.process.onMain(() => {
        if (role.protocol.mode === "protected") role.step({ type: "handover" });
      });
    }
    // Somebody else wants something else of it meanwhile.
    if (share < 0.4) world.scheduler.after(20 * otherShare, () => setMode(world, 2.5 * share));
  },
  "another mode": (world, { share }) => setMode(world, share),
  leave(_world, _fault, host) {
    const process = host.running;
    process?.onMain(() => process.role instanceof BackupRole && process.role.leave());
  },
  "guest's end"(world) {
    for (const role of world.primaries) role.recorder.command({ type: "end" });
  },
  "a backup more": (world, _fault, host) => world.start(host, "backup"),
  "primary restarted"(world, { otherShare, durationMs }, host) {
    host.running?.crash(false, otherShare);
    world.scheduler.after(durationMs, () => world.start(host, "primary"));
  },
} as const satisfies Record<string, Act>;

/** The name of a kind of fault. */
export type FaultKind = keyof typeof ACTS;

/** How often each is drawn. */
const KINDS: readonly FaultKind[] = [
  ...repeat("crash", 3),
  ...repeat("crash at an effect", 6),
  ...repeat("stop", 4),
  ...repeat("stop at an effect", 3),
  ...repeat("busy main", 2),
  ...repeat("slow side", 1),
  ...repeat("slow sink", 2),
  ...repeat("connection lost", 4),
  ...repeat("byte altered", 1),
  ...repeat("partition", 4),
  ...repeat("slow network", 2),
  ...repeat("arbiter's road", 4),
  ...repeat("machine flips", 2),
  ...repeat("handover", 3),
  ...repeat("another mode", 2),
  ...repeat("leave", 1),
  ...repeat("guest's end", 1),
  ...repeat("a backup more", 3),
  ...repeat("primary restarted", 1),
];

const WHOM: readonly Whom[] = ["primary", "primary", "primary", "backup", "backup", "third"];

/** What comes along with another fault. */
const COMPANIONS: readonly FaultKind[] = [
  ...["arbiter's road", "arbiter's road", "slow sink", "busy main", "a backup more"] as const,
];

/** A run's faults. */
export class FaultPlan {
  readonly faults: readonly Fault[];
  #armed: { fault: Fault; left: number }[] = [];

  constructor(
    private readonly world: World,
    random: Random,
    faults: readonly Fault[] | undefined,
  ) {
    this.faults = faults ?? draw(random, world.config.troubleMs, world.config.timeoutMs);
  }

  /** Lets them come. */
  begin(): void {
    for (const fault of this.faults) {
      this.world.scheduler.after(fault.atMs, () => {
        if (this.world.isPeaceful) return;
        this.world.say("fault", describeFault(fault));
        ACTS[fault.kind](this.world, fault, hostOf(this.world, fault.whom));
      });
    }
  }

  /** It strikes once its effect comes up. */
  arm(fault: Fault): void {
    this.#armed.push({ fault, left: fault.count });
  }

  /** None of those that wait comes any more. */
  disarm(): void {
    this.#armed = [];
  }

  /** A process is about to carry this out: perhaps it does not come to it. */
  strike(process: SimProcess, effect: PrimaryEffect | BackupEffect): void {
    if (this.#armed.length === 0) return;
    const { world } = this;
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (fault.effect !== "any" && fault.effect !== nameOf(effect)) continue;
      if (fault.whom !== "third" && hostOf(world, fault.whom) !== process.host) continue;
      if (--armed.left > 0) continue;
      this.#armed = this.#armed.filter((other) => other !== armed);
      world.say("fault", `${fault.kind}: ${process.name} before ${nameOf(effect)}`);
      if (fault.kind === "stop at an effect") {
        process.stop();
        world.scheduler.after(fault.durationMs, () => process.continue());
      } else {
        process.crash(fault.share < 0.4, fault.otherShare);
        restart(world, process.host, fault.otherShare, fault.durationMs);
      }
    }
  }
}

function draw(random: Random, troubleMs: number, timeoutMs: number): Fault[] {
  const share = () => random.below(1000) / 1000;
  const faults: Fault[] = [];
  // Most runs are let begin in peace: a pair that is joined has more to lose.
  const fromMs = random.below(4) === 0 ? 0 : 50;
  for (let count = random.below(7); count > 0; count--) {
    const fault = {
      kind: random.pick(KINDS),
      atMs: fromMs + random.below(troubleMs - fromMs),
      durationMs: Math.round(timeoutMs * random.pick([0.2, 0.6, 1, 1.5, 3]) * (0.5 + share())),
      whom: random.pick(WHOM),
      share: share(),
      otherShare: share(),
      effect: random.pick(EFFECTS),
      count: 1 + random.below(random.pick([2, 6, 30])),
    };
    faults.push(fault);
    // A trouble rarely comes alone.
    if (random.below(5) === 0) faults.push({ ...fault, kind: random.pick(COMPANIONS) });
  }
  return faults.sort((one, other) => one.atMs - other.atMs);
}

/** The host that is meant, at this moment. */
function hostOf(world: World, whom: Whom): Host {
  const [first, second, third] = world.hosts as [Host, Host, Host];
  if (whom === "primary") return world.primaries[0]?.process.host ?? first;
  const isBackup = ({ running }: Host) => running?.role instanceof BackupRole;
  if (whom === "backup") return world.hosts.find(isBackup) ?? second;
  return world.hosts.find(({ running }) => running === undefined) ?? third;
}

/** What comes after a crash: a new backup, a primary by a service manager's hand, or nothing. */
function restart(world: World, host: Host, share: number, delayMs: number): void {
  if (share > 0.8) return;
  const role = share < 0.65 ? "backup" : "primary";
  world.scheduler.after(delayMs, () => world.start(host, role));
}

function nameOf(effect: PrimaryEffect | BackupEffect): string {
  return effect.type === "send" ? `send ${effect.message.type}` : effect.type;
}

/** A fault in a transcript. */
export function describeFault(fault: Fault): string {
  const { kind, atMs, durationMs, whom, share, otherShare, effect, count } = fault;
  const at = kind.endsWith("effect") ? `, from the ${count}. ${effect} on` : "";
  const how = `for ${durationMs} ms, ${share}, ${otherShare}`;
  return `${kind} at ${atMs} ms, ${whom}${at}, ${how}`;
}

function repeat(kind: FaultKind, times: number): FaultKind[] {
  return Array.from({ length: times }, () => kind);
}
