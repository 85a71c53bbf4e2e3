/**
 * What can go wrong, drawn from the seed: a list of faults, each with its moment, that a run carries out.
 *
 * A fault is data, so that a failing run can be tried again without some of them (shrink.ts).
 */
import type { BackupEffect } from "../../protocol/backup.ts";
import type { PrimaryEffect } from "../../protocol/primary.ts";
import type { Random } from "../support/random.ts";
import { BackupRole } from "./backup_role.ts";
import type { Road } from "./directory.ts";
import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** One fault. What a kind does not need it ignores. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly durationMs: number;
  /** Index of the host that it strikes. */
  readonly host: number;
  /** How much of something, from 0 to below 1; two of them. */
  readonly share: number;
  readonly otherShare: number;
  /** It waits for an effect of this name on its host ("any": any), the how manieth. */
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

type Act = (world: World, fault: Fault) => void;

/** What each kind does. */
const ACTS = {
  crash(world, { host, share, otherShare, durationMs }) {
    const process = world.hosts[host]!.running;
    process?.crash(share < 0.4, otherShare);
    restart(world, host, otherShare, durationMs);
  },
  "crash at an effect": (world, fault) => world.faults.arm(fault),
  stop(world, { host, durationMs }) {
    const process = world.hosts[host]!.running;
    process?.stop();
    world.scheduler.after(durationMs, () => process?.continue());
  },
  "stop at an effect": (world, fault) => world.faults.arm(fault),
  "busy main": (world, { host, durationMs }) => world.hosts[host]!.running?.beBusy(durationMs),
  "slow side"(world, { host, durationMs }) {
    world.hosts[host]!.slowUntilMs = world.scheduler.nowMs + durationMs;
  },
  "slow sink"(world, { host, durationMs }) {
    world.hosts[host]!.slowSinkUntilMs = world.scheduler.nowMs + durationMs;
  },
  "connection lost"(world, { share, otherShare }) {
    world.connections.at(-1)?.cut(share, otherShare);
  },
  "byte altered"(world, { share, otherShare }) {
    const connection = world.connections.at(-1);
    const lane = otherShare < 0.8 ? connection?.toBackup : connection?.toPrimary;
    if (lane?.damage(share)) world.hasDamage = true;
  },
  partition(world, { host, share, otherShare, durationMs }) {
    const others = world.hosts.filter((_, index) => index !== host);
    const { name } = world.hosts[host]!;
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
  "arbiter's road"(world, { host, share, otherShare, durationMs }) {
    const hosts = otherShare < 0.5 ? world.hosts : [world.hosts[host]!];
    for (const one of hosts) {
      one.road = ROADS[Math.floor(share * ROADS.length)]!;
      world.scheduler.after(durationMs, () => one.clearRoad());
    }
  },
  "machine flips"(world, { host }) {
    const role = world.hosts[host]!.running?.role;
    const machine = role instanceof BackupRole ? role.session?.replayer.machine : role?.machine;
    if (machine === undefined) return;
    machine.flip();
    world.hasFlips = true;
  },
  handover(world) {
    for (const role of world.primaries) {
      role.process.onMain(() => {
        if (role.protocol.mode === "protected") role.step({ type: "handover" });
      });
    }
  },
  leave(world, { host }) {
    const process = world.hosts[host]!.running;
    process?.onMain(() => process.role instanceof BackupRole && process.role.leave());
  },
  "guest's end"(world) {
    for (const role of world.primaries) role.recorder.command({ type: "end" });
  },
  "a backup more": (world, { host }) => world.start(world.hosts[host]!, "backup"),
  "primary restarted"(world, { host, otherShare, durationMs }) {
    const process = world.hosts[host]!.running;
    process?.crash(false, otherShare);
    world.scheduler.after(durationMs, () => world.start(world.hosts[host]!, "primary"));
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
  ...repeat("slow sink", 1),
  ...repeat("connection lost", 4),
  ...repeat("byte altered", 1),
  ...repeat("partition", 4),
  ...repeat("slow network", 2),
  ...repeat("arbiter's road", 4),
  ...repeat("machine flips", 1),
  ...repeat("handover", 3),
  ...repeat("leave", 1),
  ...repeat("guest's end", 1),
  ...repeat("a backup more", 3),
  ...repeat("primary restarted", 1),
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
        if (this.world.scheduler.nowMs > this.world.config.troubleMs) return;
        this.world.say("fault", describeFault(fault));
        ACTS[fault.kind](this.world, fault);
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
      if (world.hosts[fault.host] !== process.host) continue;
      if (fault.effect !== "any" && fault.effect !== nameOf(effect)) continue;
      if (--armed.left > 0) continue;
      this.#armed = this.#armed.filter((other) => other !== armed);
      world.say("fault", `${fault.kind}: ${process.name} before ${nameOf(effect)}`);
      if (fault.kind === "stop at an effect") {
        process.stop();
        world.scheduler.after(fault.durationMs, () => process.continue());
      } else {
        process.crash(fault.share < 0.4, fault.otherShare);
        restart(world, fault.host, fault.otherShare, fault.durationMs);
      }
    }
  }
}

function draw(random: Random, troubleMs: number, timeoutMs: number): Fault[] {
  const share = () => random.below(1000) / 1000;
  const faults = Array.from({ length: random.below(6) }, () => ({
    kind: random.pick(KINDS),
    atMs: random.below(troubleMs),
    durationMs: Math.round(timeoutMs * random.pick([0.2, 0.6, 1, 1.5, 3]) * (0.5 + share())),
    host: random.pick([0, 0, 0, 1, 1, 1, 2]),
    share: share(),
    otherShare: share(),
    effect: random.pick(EFFECTS),
    count: 1 + random.below(random.pick([2, 6, 30])),
  }));
  return faults.sort((one, other) => one.atMs - other.atMs);
}

/** What comes after a crash: a new backup, a primary by a service manager's hand, or nothing. */
function restart(world: World, host: number, share: number, delayMs: number): void {
  if (share > 0.8) return;
  const role = share < 0.65 ? "backup" : "primary";
  world.scheduler.after(delayMs, () => world.start(world.hosts[host]!, role));
}

function nameOf(effect: PrimaryEffect | BackupEffect): string {
  return effect.type === "send" ? `send ${effect.message.type}` : effect.type;
}

/** A fault in a transcript. */
export function describeFault(fault: Fault): string {
  const { kind, atMs, durationMs, host, share, otherShare, effect, count } = fault;
  const at = kind.endsWith("effect") ? `, from the ${count}. ${effect} on` : "";
  return `${kind} at ${atMs} ms, host ${
    "ABC"[host]
  }${at}, for ${durationMs} ms, ${share}, ${otherShare}`;
}

function repeat(kind: FaultKind, times: number): FaultKind[] {
  return Array.from({ length: times }, () => kind);
}
