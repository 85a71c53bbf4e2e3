/**
 * The world of one run: hosts, the network between them, the arbiter, the outside, an observer.
 */
import type { Register } from "../../arbiter/arbiter.ts";
import type { Message } from "../../protocol/messages.ts";
import { connectTimeoutMs } from "../../base/limits.ts";
import { Random } from "../support/random.ts";
import type { ProtocolCode } from "./code.ts";
import { type Config, drawClock, drawConfig } from "./config.ts";
import { SimDirectory } from "./directory.ts";
import { Endings } from "./endings.ts";
import { SimEtcd } from "./etcd.ts";
import { type Fault, FaultPlan } from "./faults.ts";
import { Host } from "./host.ts";
import { Connection } from "./network.ts";
import { Observer } from "./observer.ts";
import { Outside } from "./outside.ts";
import { PrimaryRole } from "./primary_role.ts";
import { SimProcess } from "./process.ts";
import { SimPromises } from "./promises.ts";
import { Registers } from "./roads.ts";
import { Scheduler } from "./scheduler.ts";

/** What is promised, by name. */
export type PromiseName =
  | "held elsewhere"
  | "nothing lost"
  | "the same bytes"
  | "no silent divergence"
  | "order kept"
  | "little repeated"
  | "one at a time"
  | "a handover stands still"
  | "no side stops for nothing"
  | "both keep to the protocol"
  | "memory bounded"
  | "one side goes on"
  | "all is released"
  | "peace is peaceful"
  | "no defect";

/** A promise that was broken. */
export interface Violation {
  readonly promise: PromiseName;
  readonly what: string;
  readonly atMs: number;
}

/** See the top of the file. */
export class World {
  readonly scheduler = new Scheduler();
  readonly promises = new SimPromises();
  readonly registers = new Registers();
  readonly directory = new SimDirectory(this.registers);
  readonly etcd = new SimEtcd(this.registers);
  readonly observer: Observer = new Observer(this);
  readonly endings: Endings = new Endings(this);
  readonly outside: Outside = new Outside(this);
  readonly faults: FaultPlan;
  readonly config: Config;
  readonly hosts: readonly Host[];
  readonly connections: Connection[] = [];
  readonly transcript: string[] = [];
  violation: Violation | undefined;
  /** Nothing goes wrong any more. */
  isPeaceful = false;
  /** Machines produce nothing any more: what is held can come out. */
  isQuiet = false;
  slowNetworkUntilMs = 0;
  /** Bytes were altered on their way. */
  hasDamage = false;
  /** A machine was tampered with. */
  hasFlips = false;
  /** Directions between hosts in which nothing arrives: `A>B`. */
  readonly partitions = new Set<string>();
  readonly #random: Random;
  #processes = 0;

  /** @param faults what goes wrong; undefined: as the seed draws it */
  constructor(
    readonly seed: number,
    readonly code: ProtocolCode,
    readonly isVerbose: boolean,
    faults: readonly Fault[] | undefined,
  ) {
    this.#random = new Random(seed);
    this.config = drawConfig(this.stream());
    const clocks = this.stream();
    this.hosts = ["A", "B", "C"].map((name) => {
      const { offsetMs, rate } = drawClock(clocks);
      return new Host(this, name, offsetMs, rate);
    });
    this.faults = new FaultPlan(this, this.stream(), faults);
  }

  /** Chance for one part of the world: what others draw does not change it. */
  stream(): Random {
    return new Random(this.#random.below(2 ** 32));
  }

  /** A process starts on a host, in the place of the one that was there. */
  start(host: Host, role: "primary" | "backup"): void {
    if (host.running !== undefined) return;
    host.process = new SimProcess(host, `${host.name}${++this.#processes}`);
    if (role === "primary") host.process.startPrimary();
    else host.process.startBackup();
  }

  /** The processes that live. */
  get running(): SimProcess[] {
    const running = [];
    for (const { process } of this.hosts) if (process?.isGone === false) running.push(process);
    return running;
  }

  // --- the network ---

  /** Connects a process to the host that holds the latest generation; undefined: there was no connection. */
  connect(process: SimProcess, then: (connection: Connection | undefined) => void): void {
    const { scheduler, config } = this;
    const host = this.hosts.find(({ name }) => name === this.#latest()?.address);
    const isCut = host === undefined || this.partitions.has(`${host.name}>${process.host.name}`) ||
      this.partitions.has(`${process.host.name}>${host.name}`);
    const delayMs = isCut ? connectTimeoutMs : 3 * config.networkMs + 0.1;
    scheduler.after(delayMs, () => {
      const other = host?.running;
      process.onMain(() => {
        if (isCut || other === undefined || other.isGone || other === process) {
          return then(undefined);
        }
        const number = this.connections.length;
        const connection = new Connection(number, process, other, this.stream());
        this.connections.push(connection);
        this.obstruct(connection);
        then(connection);
      });
    });
  }

  /** Partitions hold for this connection as well. */
  obstruct({ toPrimary, toBackup }: Connection): void {
    for (const lane of [toPrimary, toBackup]) {
      const direction = `${lane.from.host.name}>${lane.to.host.name}`;
      if (this.partitions.has(direction)) lane.stall();
      else lane.flow();
    }
  }

  /** All that a process has open. */
  connectionsOf(process: SimProcess): Connection[] {
    return this.connections.filter((connection) =>
      (connection.backup === process || connection.primary === process) &&
      !connection.isClosedBy(process)
    );
  }

  // --- the arbiter ---

  /** Who holds a generation, in truth. */
  holderOf(generation: number): Register | undefined {
    return this.registers.get(generation);
  }

  /** Whether the guest's end is on record. */
  get hasEnded(): boolean {
    return this.#latest()?.ended === true;
  }

  /** The highest generation that is held, 0 if none is. */
  get latestGeneration(): number {
    // A claim of one needs the one before.
    return this.registers.size;
  }

  #latest(): Register | undefined {
    return this.holderOf(this.latestGeneration);
  }

  // --- the story ---

  /** A promise is broken. The first one counts. */
  fail(promise: PromiseName, what: string): void {
    if (this.violation !== undefined) return;
    this.violation = { promise, what, atMs: this.scheduler.nowMs };
    this.say("observer", `BROKEN: ${promise}: ${what}`);
  }

  /** A line of the transcript. */
  say(who: string, text: string): void {
    if (!this.isVerbose) return;
    const at = this.scheduler.nowMs.toFixed(1).padStart(8);
    this.transcript.push(`${at}  ${who.padEnd(9)} ${text}`);
  }

  /** A message in the transcript. */
  sayMessage(process: SimProcess, message: Message): void {
    const { type, ...fields } = message;
    const shown = Object.entries(fields).map(([name, value]) =>
      `${name}=${value instanceof Uint8Array ? `${value.length} bytes` : value}`
    );
    this.say(process.name, `sends ${type} ${shown.join(" ")}`);
  }

  /** The sides that reign: one, if all is well. */
  get primaries(): PrimaryRole[] {
    const primaries = [];
    for (const { role } of this.running) if (role instanceof PrimaryRole) primaries.push(role);
    return primaries;
  }
}
