/**
 * One host's share of a machine that lives on two: the process that a service manager keeps alive on both, with
 * the same command line but for what is the host's own.
 *
 * ```
 *            ┌──▶ nobody reigns ──▶ reign ──┐
 *   arbiter ─┤      (wins, or was too late) ├─ lost, or handed over ──▶ arbiter
 *            └──▶ somebody does ──▶ follow ─┘
 *                                   └─ takes over ──▶ reigns ─┘
 * ```
 *
 * What it is, the arbiter's latest register says, and nothing else: of two that start at once one wins the
 * generation, and the other one finds that out. It reigns over a fresh machine only where none has ever been, or
 * the last one ended. A register whose holder does not answer is no reason to: either a backup has the state,
 * and takes over by itself, or nobody has it. Then a person decides (`--supersede`).
 *
 * Called by `command.ts`.
 */
import { type Arbiter, checkMachineId, type Register } from "../arbiter/arbiter.ts";
import { holderOf } from "../arbiter/claimer.ts";
import { ReignsError } from "../arbiter/first_claim.ts";
import { openArbiter } from "../arbiter/open.ts";
import { BackupProcess, type SideRole, unasked } from "../backup/follow.ts";
import { byArbiter } from "../backup/primary_finder.ts";
import { ExitCode, UnavailableError } from "../base/errors.ts";
import { retireGraceMs } from "../base/limits.ts";
import { pause } from "../base/pause.ts";
import type { Say } from "../base/reporter.ts";
import { machineIdOf } from "../primary/guest_source.ts";
import { claimRetryMs, type PrimaryOptions, startPrimary } from "../primary/start.ts";
import type { Halt } from "../protocol/types.ts";

/** What it is started with. */
export interface ServeOptions {
  /** What it reigns with. Its console, addresses and arbiter are a backup's, too. */
  readonly primary: PrimaryOptions;
  readonly takeoverDiverged: boolean;
  /** Where divergences are described, as a backup; undefined: nowhere. */
  readonly reports?: string | undefined;
}

/** See the top of the file. */
export class ServeProcess {
  readonly #options: ServeOptions;
  readonly #say: Say;
  readonly #machineId: string;
  readonly #stopping = new AbortController();
  #stopReason = "";
  #role: SideRole = this.#between("backup", "connecting");

  /** @throws UsageError if no machine's id follows from the options */
  constructor(options: ServeOptions, say: Say) {
    this.#options = options;
    this.#say = say;
    this.#machineId = options.primary.id ?? machineIdOf(options.primary.guest);
    checkMachineId(this.#machineId);
  }

  /** Figures for the status address. */
  status(): Record<string, unknown> {
    return this.#role.status();
  }

  /** Asks for a handover; this side is the backup afterwards. Returns why not, or undefined. */
  handover(): string | undefined {
    return this.#role.handover();
  }

  /** As {@link PrimarySide.set}. */
  set(changes: ReadonlyMap<string, string>): string {
    return this.#role.set(changes);
  }

  /** Ends this process: a backup leaves, a primary ends the guest. */
  stop(why: string): void {
    this.#end(why, () => this.#role.stop(why));
  }

  /** Ends this process as a service manager's stop does: a backup leaves, a primary hands over, or ends the guest
   * if no backup comes. */
  retire(why: string): void {
    this.#end(why, () => this.#role.retire(why, retireGraceMs));
  }

  /**
   * Reigns and follows in turn, until the guest ends or this side is stopped.
   * @throws what a primary or a backup can't start for: another arbiter's trouble is waited out
   */
  async run(): Promise<Halt> {
    using arbiter = openArbiter(this.#options.primary.arbiter);
    let last: Halt | undefined;
    for (;;) {
      const latest = await this.#latest(arbiter, last !== undefined);
      if (this.#stopping.signal.aborted) {
        return { code: ExitCode.ok, why: `left: ${this.#stopReason}` };
      }
      const isOver = latest !== undefined && latest.ended;
      if (isOver && last !== undefined) return endOf(last);
      const halt = isOver || latest === undefined || this.#isSuperseded(latest)
        ? await this.#reign(latest)
        : await this.#follow(latest);
      if (halt === undefined) continue;
      // After a handover, or a lost arbitration, the machine lives on over there.
      const mayGoOn = halt.code === ExitCode.ok || halt.code === ExitCode.lost;
      if (this.#stopping.signal.aborted || !mayGoOn) return halt;
      this.#say(halt.why);
      last = halt;
    }
  }

  /** The latest register, as soon as the arbiter tells; undefined: this machine has never been. */
  async #latest(arbiter: Arbiter, isKnown: boolean): Promise<Register | undefined> {
    this.#role = this.#between("backup", "connecting");
    while (!this.#stopping.signal.aborted) {
      try {
        const latest = await arbiter.latest(this.#machineId);
        if (latest !== undefined || !isKnown) return latest;
        this.#say(`waits: the arbiter does not know ${this.#machineId} any more: is it the same?`);
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.#say(`waits: the arbiter is out of reach: ${error.message}`);
      }
      await pause(claimRetryMs, this.#stopping.signal);
    }
    return undefined;
  }

  #isSuperseded({ generation }: Register): boolean {
    const { supersede } = this.#options.primary;
    return supersede !== undefined && generation <= supersede;
  }

  /** Starts the machine. @returns undefined if somebody else was faster */
  async #reign(latest: Register | undefined): Promise<Halt | undefined> {
    this.#role = this.#between("primary", "starting");
    const { supersede, ...options } = this.#options.primary;
    let side;
    try {
      side = await startPrimary({
        ...options,
        id: this.#machineId,
        stopping: this.#stopping.signal,
        ...(supersede === undefined || latest?.ended ? {} : { supersede }),
      }, this.#say);
    } catch (error) {
      if (!(error instanceof ReignsError)) throw error;
      this.#say("the other side was faster");
      return undefined;
    }
    this.#take(Object.assign(side, { role: "primary" as const }));
    return await side.run();
  }

  /** Joins who reigns, and does what a backup does, up to its takeover and what follows that. */
  async #follow(latest: Register): Promise<Halt> {
    const { arbiter, listen, advertise, console, net, who, security } = this.#options.primary;
    this.#say(`${holderOf(latest)} reigns as generation ${latest.generation}: joins as a backup`);
    const backup = new BackupProcess({
      ...{ primary: byArbiter, id: this.#machineId, hasSeenReign: true },
      ...{ arbiter, listen, advertise, console, net, who, security },
      takeoverDiverged: this.#options.takeoverDiverged,
      reports: this.#options.reports,
      onRole: (role) => this.#take(role),
    }, this.#say);
    this.#role = backup.role;
    return await backup.run();
  }

  /** From now on, this is what the side is. Asked to end in the middle of becoming a primary, it ends as one. */
  #take(role: SideRole): void {
    this.#role = role;
    if (role.role !== "primary" || !this.#stopping.signal.aborted) return;
    role.retire(this.#stopReason, retireGraceMs);
  }

  #end(why: string, tell: () => void): void {
    this.#stopReason = why;
    this.#stopping.abort();
    tell();
  }

  /** While it is neither. */
  #between(role: "primary" | "backup", mode: string): SideRole {
    const nothing = () => {};
    return {
      role,
      status: () => ({ machineId: this.#machineId, role, mode, protected: false }),
      ...unasked("this side is starting"),
      ...{ stop: nothing, retire: nothing },
    };
  }
}

/** How a side ends that finds the guest ended. */
function endOf({ code, why }: Halt): Halt {
  return { code: ExitCode.ok, why: code === ExitCode.ok ? why : "the guest has ended" };
}
