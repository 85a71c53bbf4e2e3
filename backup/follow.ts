/**
 * Follows a primary: connects, joins, joins again after a loss, takes over, and then is a primary.
 */
import { MAX_PAYLOAD_BYTES } from "../codec/codec.ts";
import { checkMachineId, checkWho } from "../arbiter/arbiter.ts";
import { openArbiter } from "../arbiter/open.ts";
import { Claimer } from "../arbiter/claimer.ts";
import { ExitCode, PeerError, UnavailableError } from "../base/errors.ts";
import { keptOutputBytes, logWindowBytes, pageWindowBytes } from "../base/limits.ts";
import { pause } from "../base/pause.ts";
import type { Say } from "../base/reporter.ts";
import { parseAddress } from "../link/address.ts";
import { advertisedAddress } from "../link/advertised.ts";
import { hostKind } from "../machine/host_kind.ts";
import { logFraming } from "../link/log_framing.ts";
import { Security } from "../link/security.ts";
import { connectTcp } from "../link/tcp.ts";
import type { Halt } from "../protocol/types.ts";
import type { Network } from "../network/network.ts";
import { openNetwork } from "../network/open.ts";
import { parseNetSpec } from "../network/spec.ts";
import { checkSink, openSink } from "../sinks/open.ts";
import type { Sink } from "../sinks/sink.ts";
import { BackupSide, type SessionEnd } from "./backup_side.ts";
import { DivergenceReporter } from "./divergence_reporter.ts";
import { byArbiter, openFinder, type PrimaryFinder } from "./primary_finder.ts";
import { becomePrimary, claimRetryMs, openConnections } from "./takeover.ts";

/** What a backup is started with. */
export interface BackupOptions {
  /** An address, or `arbiter`: see {@link openFinder}. */
  readonly primary: string;
  readonly listen: string | undefined;
  /** Where the other side reaches `listen`; undefined: as that says. */
  readonly advertise?: string | undefined;
  readonly arbiter: string;
  readonly console: string;
  /** What the machine's network card is connected to once this side is live; undefined: nothing. */
  readonly net?: string | undefined;
  /** The machine to follow; undefined: whichever the primary has. */
  readonly id: string | undefined;
  /** A reign of this machine has been seen; default: false. */
  readonly hasSeenReign?: boolean;
  readonly who: string;
  readonly takeoverDiverged: boolean;
  /** Where divergences are described; undefined: nowhere. */
  readonly reports?: string | undefined;
  /** How connections are protected; default: not at all, and within this host only. */
  readonly security?: Security | undefined;
  /** Called with what answers for this side whenever that changes. */
  onRole?(role: SideRole): void;
}

/** What answers for a backup process: the backup that it is, or the primary that it has become. */
export interface SideRole {
  readonly role: "backup" | "primary";
  status(): Record<string, unknown>;
  handover(): string | undefined;
  /** As {@link PrimarySide.set}. */
  set(changes: ReadonlyMap<string, string>): string;
  stop(why: string): void;
  /** @param graceMs how long a primary may wait for a backup; a backup leaves at once */
  retire(why: string, graceMs?: number): void;
}

/** There is no primary to join now. */
interface Wait {
  readonly type: "wait";
  readonly why: string;
}

/** Wait between two attempts to join. */
const REJOIN_MS = 250;

/** A backup process's life. */
export class BackupProcess {
  readonly #options: BackupOptions;
  readonly #say: Say;
  readonly #reporter: DivergenceReporter;
  readonly #abort = new AbortController();
  readonly #security: Security;
  #sink: Sink | undefined;
  #network: Network | undefined;
  #claimer: Claimer | undefined;
  #connections: ReturnType<typeof openConnections> | undefined;
  #hostKind = 0;
  #role: SideRole;

  constructor(options: BackupOptions, say: Say) {
    this.#options = options;
    this.#security = options.security ?? Security.loopback;
    this.#say = say;
    this.#reporter = new DivergenceReporter(options.reports, say);
    this.#role = this.#waiting();
  }

  /** What answers for this side now. */
  get role(): SideRole {
    return this.#role;
  }

  /** Runs until this side halts, as a backup or as the primary that it became. */
  async run(): Promise<Halt> {
    const { listen, advertise, arbiter, net, primary, hasSeenReign = false } = this.#options;
    openFinder({ ...this.#options, hasSeenReign }, "")[Symbol.dispose]();
    if (primary !== byArbiter) this.#security.permit(parseAddress(primary));
    openArbiter(arbiter).close();
    checkSink(this.#options.console, this.#security);
    if (net !== undefined) parseNetSpec(net);
    // Before it joins: finding out takes a while on a slow host.
    this.#hostKind = hostKind();
    checkWho(this.#options.who);
    if (this.#options.id !== undefined) checkMachineId(this.#options.id);
    this.#connections = listen === undefined
      ? undefined
      : openConnections(listen, this.#say, this.#security);
    try {
      this.#network = net === undefined ? undefined : openNetwork(net, this.#say);
      const listening = this.#connections?.address;
      const address = listening === undefined
        ? ""
        : advertisedAddress(listening, advertise, Deno.hostname());
      using finder = openFinder({ ...this.#options, hasSeenReign }, address);
      // What keeps it from joining is said once, not four times a second.
      for (let lastWhy = "";;) {
        const end = await this.#session(finder, address);
        if (end.type === "live") {
          return await this.#live(end, listening);
        }
        if (end.type === "halt") return end;
        if (end.why !== lastWhy) {
          this.#say(end.type === "wait" ? end.why : `${end.why}; joins anew`);
        }
        lastWhy = end.why;
        await pause(REJOIN_MS, this.#abort.signal);
        if (this.#abort.signal.aborted) {
          return { code: ExitCode.ok, why: "stopped before it joined" };
        }
      }
    } finally {
      await this.#connections?.close();
      await this.#sink?.close();
      await this.#network?.close();
      this.#claimer?.arbiter.close();
    }
  }

  /** One session, from finding the primary to its end. */
  async #session(finder: PrimaryFinder, address: string): Promise<SessionEnd | Wait> {
    const { id, who, takeoverDiverged } = this.#options;
    const found = await finder.find();
    if (found.kind === "ended") return { type: "halt", code: ExitCode.ok, why: found.why };
    if (found.kind === "nowhere") return { type: "wait", why: found.why };
    let link;
    try {
      const options = { signal: this.#abort.signal, security: this.#security };
      link = await connectTcp(found.address, logFraming, options);
    } catch (error) {
      // A PeerError: it has other keys, or none. Somebody may set it right.
      if (!(error instanceof UnavailableError || error instanceof PeerError)) throw error;
      return { type: "rejoin", why: error.message + found.unanswered, diverged: false };
    }
    const side = new BackupSide({
      link,
      rules: {
        who,
        machineId: id ?? "",
        claimRetryMs,
        windowBytes: logWindowBytes + pageWindowBytes + 2 * MAX_PAYLOAD_BYTES,
        keptBytesMax: keptOutputBytes,
        takeoverDiverged,
      },
      hostKind: this.#hostKind,
      claimerFor: (machineId) => this.#claimerFor(machineId, address),
      sinkFor: (machineId) => this.#sinkFor(machineId),
      network: this.#network,
      reporter: this.#reporter,
      say: this.#say,
    });
    this.#setRole({
      role: "backup",
      status: () => ({ ...side.status(), ...this.#divergences }),
      ...unasked("this side is a backup: ask its primary"),
      stop: (why) => side.leave(why),
      retire: (why) => side.leave(why),
    });
    const end = await side.run();
    if (end.type !== "live") this.#setRole(this.#waiting());
    const isRefusal = end.type === "rejoin" ||
      end.type === "halt" && end.code === ExitCode.unavailable;
    if (side.wasWelcome || !isRefusal || found.unanswered === "") return end;
    // Who reigns may change, and the end of its guest is about to be recorded, if that is why.
    return { type: "rejoin", why: end.why + found.unanswered, diverged: false };
  }

  /** Hands all that this side has over to the primary that it becomes, which gives it back. */
  #live(end: SessionEnd & { type: "live" }, listening: string | undefined): Promise<Halt> {
    const connections = this.#connections;
    this.#connections = undefined;
    this.#sink = undefined;
    this.#network = undefined;
    this.#claimer = undefined;
    if (connections !== undefined) this.#say(`a backup can join at ${listening}`);
    const side = becomePrimary({ ...end, connections, say: this.#say });
    this.#setRole(Object.assign(side, { role: "primary" as const }));
    return side.run();
  }

  /** For the status address. */
  get #divergences(): Record<string, unknown> {
    const { count, last } = this.#reporter;
    return { divergences: count, divergenceReport: last ?? null };
  }

  #setRole(role: SideRole): void {
    this.#role = role;
    this.#options.onRole?.(role);
  }

  #waiting(): SideRole {
    const stop = () => this.#abort.abort();
    return {
      role: "backup",
      status: () => ({ role: "backup", mode: "connecting", ...this.#divergences }),
      ...unasked("this side is not joined to a primary"),
      stop,
      retire: stop,
    };
  }

  #claimerFor(machineId: string, address: string): Claimer {
    const { who, arbiter } = this.#options;
    this.#claimer ??= new Claimer(openArbiter(arbiter), { machineId, who, address });
    return this.#requireSame(this.#claimer, this.#claimer.claimant.machineId, machineId);
  }

  #sinkFor(machineId: string): Sink {
    const options = { machineId, notice: this.#say, security: this.#security };
    this.#sink ??= openSink(this.#options.console, options);
    return this.#sink;
  }

  #requireSame<T>(value: T, machineId: string, found: string): T {
    if (machineId === found) return value;
    throw new PeerError(`the primary now has machine ${found}; this side followed ${machineId}`);
  }
}

/** What a side that does not reign answers. */
export function unasked(why: string): Pick<SideRole, "handover" | "set"> {
  return {
    handover: () => why,
    set() {
      throw new UnavailableError(why);
    },
  };
}
