/**
 * A primary and its backup as real processes on this host, for the demo and the crash campaigns.
 *
 *     await using pair = Pair.start({ guest: "ledger" });
 *     await pair.primary.protected();
 *     await using client = new LedgerClient(pair.consoles);
 *     await pair.primary.kill();
 *     await pair.backup.live(2);
 *
 * Leaving the scope kills what still runs and removes the directory.
 */
import { UnavailableError } from "../base/errors.ts";
import { Security } from "../link/security.ts";
import { LAB_ADDRESSES, LAB_BRIDGE, type NetworkLab } from "./network_lab.ts";
import { type SideOptions, SideProcess } from "./side_process.ts";

export { type Exit, type SideOptions, SideProcess, type SideStatus } from "./side_process.ts";

/** How one side of a pair is started. */
export interface PairSideOptions extends SideOptions {
  /** Further options of the command line. */
  readonly args?: readonly string[];
}

/** How a pair is started. */
export interface PairOptions {
  /** A bundled guest's name or a path; default: ledger. */
  readonly guest?: string;
  /** For the guest; default: none. */
  readonly commandLine?: string;
  /** The primary waits for its backup before the guest starts; default: true. */
  readonly requireBackup?: boolean;
  /** As the command line names it; default: a directory of the pair's own. */
  readonly arbiter?: string;
  readonly primary?: PairSideOptions;
  readonly backup?: PairSideOptions;
  /** Each side's folder of keys; default: everything is in the clear. */
  readonly keys?: readonly [first: string, second: string];
  /** The network of whose hosts each side is one, with a TAP device for the machine; default: none, both on loopback. */
  readonly lab?: NetworkLab;
}

/** Which of the two addresses, and hosts. */
type Place = 0 | 1;
const HOSTS = ["host0", "host1"] as const;

/** Where the sides of a pair are to listen: ports that were free a moment ago. */
interface Ports {
  readonly log: readonly [number, number];
  readonly console: readonly [number, number];
}

/** See the top of the file. */
export class Pair implements AsyncDisposable {
  readonly #sides: SideProcess[] = [];
  readonly #ports: Ports = { log: [freePort(), freePort()], console: [freePort(), freePort()] };

  private constructor(readonly options: PairOptions, readonly directory: string) {}

  /** Starts both sides, and returns at once: wait for `pair.primary.protected()`. */
  static start(options: PairOptions = {}): Pair {
    const directory = Deno.makeTempDirSync({ prefix: "understudy-pair-" });
    const pair = new Pair(options, directory);
    pair.startPrimary();
    pair.startBackup();
    return pair;
  }

  /** The primary that was started last. */
  get primary(): SideProcess {
    return this.#side("primary");
  }

  /** The backup that was started last. It is still called so when it reigns. */
  get backup(): SideProcess {
    return this.#side("backup");
  }

  /** All processes that were started, in their order. */
  get sides(): readonly SideProcess[] {
    return this.#sides;
  }

  /** The arbiter, as the command line wants it. Its directory is `directory`/arbiter, unless another was given. */
  get arbiter(): string {
    return this.options.arbiter ?? `file:${this.directory}/arbiter`;
  }

  /** Where both sides' framed consoles are, for a console client. */
  get consoles(): string {
    return this.#ports.console.map((port, side) => this.#at(side as Place, port)).join(",");
  }

  /** What a client of the pair needs. */
  get security(): Security {
    const { keys, lab } = this.options;
    return Security.from({ keys: keys?.[0], insecure: lab === undefined ? undefined : true });
  }

  /** Starts the primary, or starts it again as a service manager would. */
  startPrimary(options = this.options.primary ?? {}): SideProcess {
    const require = this.options.requireBackup ?? true ? ["--require-backup"] : [];
    const { guest = "ledger", commandLine } = this.options;
    const told = commandLine === undefined ? [] : ["--cmdline", commandLine];
    const args = ["primary", guest, ...told, ...require, ...this.#common(0)];
    return this.#start("primary", 0, args, options);
  }

  /**
   * Starts a backup of the primary, or another one at the same addresses once that has ended.
   * @param following `"backup"`: of the backup that has taken over, at the primary's old addresses
   */
  startBackup(
    options = this.options.backup ?? {},
    following: "primary" | "backup" = "primary",
  ): SideProcess {
    const [followed, own] = following === "primary" ? [0, 1] as const : [1, 0] as const;
    const primary = this.#at(followed, this.#ports.log[followed]);
    const reports = ["--reports", `${this.directory}/reports`];
    const args = ["backup", "--primary", primary, ...reports, ...this.#common(own)];
    return this.#start("backup", own, args, options);
  }

  /** Ends all processes, and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sides.map((side) => side.kill()));
    await Deno.remove(this.directory, { recursive: true });
  }

  #common(side: Place): string[] {
    return [
      ...["--arbiter", this.arbiter],
      ...["--listen", this.#at(side, this.#ports.log[side])],
      ...["--console", `console:${this.#at(side, this.#ports.console[side])}`],
      ...["--status", this.#at(side, 0)],
      ...["--who", side === 0 ? "first" : "second"],
      ...this.options.keys === undefined ? [] : ["--keys", this.options.keys[side]],
      ...this.options.lab === undefined
        ? []
        : ["--net", `tap:tap0,bridge=${LAB_BRIDGE}`, "--insecure"],
    ];
  }

  #start(
    name: string,
    place: Place,
    args: readonly string[],
    options: PairSideOptions,
  ): SideProcess {
    const all = [...args, ...options.args ?? []];
    const { lab } = this.options;
    const where = lab && {
      within: (start: () => Deno.ChildProcess) => lab.on(HOSTS[place], start),
    };
    const side = new SideProcess(name, all, { security: this.security, ...where, ...options });
    this.#sides.push(side);
    return side;
  }

  /** An address of a side. */
  #at(place: Place, port: number): string {
    return `${this.options.lab === undefined ? "127.0.0.1" : LAB_ADDRESSES[HOSTS[place]]}:${port}`;
  }

  #side(name: string): SideProcess {
    const found = this.#sides.findLast((side) => side.name === name);
    if (found === undefined) throw new UnavailableError(`no ${name} was started`);
    return found;
  }
}

/** The ports that are given out: below those that the system itself takes (32768 on). */
const PORTS = { first: 12_288, count: 20_480 } as const;
let portsTaken = Math.floor(Math.random() * PORTS.count);

/**
 * A port that nobody listens on, another one each time: both consoles' have to be known to their client
 * before a side listens there.
 *
 * No outgoing connection takes it before the side does, as it is not among those that the system chooses from.
 */
export function freePort(): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = PORTS.first + portsTaken++ % PORTS.count;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new UnavailableError("no free port found on 127.0.0.1 in 100 attempts");
}
