/**
 * Two hosts on which a service manager keeps `understudy serve` alive, with the same command line on both but
 * for their addresses; each is a process on this host, judged from outside.
 *
 *     await using hosts = await ServeHosts.start();
 *     await hosts.reigning.side.kill();
 *     hosts.reigning.start();
 *
 * Called by the tests of `understudy serve`.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../../base/errors.ts";
import { openArbiter } from "../../arbiter/open.ts";
import type { Register } from "../../arbiter/arbiter.ts";
import { freePort } from "../../demo/pair_processes.ts";
import { SideProcess } from "../../demo/side_process.ts";
import { PATIENT_MS } from "./pair_hosts.ts";
import { type Seen, Watch, within } from "./pair_watch.ts";

/** How they are started. */
export interface ServeOptions {
  /** As `--arbiter` names it; default: a directory of their own, which is there. */
  readonly arbiter?: string;
  /** Further options of both. */
  readonly args?: readonly string[];
  readonly timeoutMs?: number;
  readonly env?: Record<string, string>;
}

/** One host: what runs on it now, and what has run. */
export class ServeHost {
  readonly #port = freePort();
  /** Where its framed console is. */
  readonly console = `127.0.0.1:${freePort()}`;
  readonly sides: SideProcess[] = [];

  constructor(
    readonly name: string,
    private readonly args: readonly string[],
    readonly options: {
      readonly env?: Record<string, string>;
    },
  ) {}

  /** As its registers say. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Its process, or the last one that it had. */
  get side(): SideProcess {
    return this.sides.at(-1)!;
  }

  /** Starts it, again if it has ended, as a service manager does. */
  start(...args: string[]): SideProcess {
    const own = [
      ...["--listen", this.address, "--console", `console:${this.console}`],
      ...["--status", "127.0.0.1:0", "--who", this.name],
    ];
    const all = ["serve", "ledger", ...own, ...this.args, ...args];
    const side = new SideProcess(this.name, all, this.options);
    this.sides.push(side);
    return side;
  }

  /** Waits for the end of its process. */
  async ended(code: number = ExitCode.ok): Promise<void> {
    const { side } = this;
    const exit = await within(side.exited, () => `the end of ${this.name}: ${side.text}`);
    assert.equal(exit.code, code, `${this.name}: ${side.text}`);
  }
}

/** See the top of the file. */
export class ServeHosts implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "understudy-serve-" });
  readonly arbiter: string;
  readonly first: ServeHost;
  readonly second: ServeHost;
  #watch: Watch | undefined;

  /** Nothing runs yet. */
  constructor(options: ServeOptions = {}) {
    this.arbiter = options.arbiter ?? `file:${this.directory}`;
    const timeout = ["--timeout", `${options.timeoutMs ?? PATIENT_MS}ms`];
    const reports = ["--reports", `${this.directory}/reports`];
    const args = ["--arbiter", this.arbiter, ...reports, ...timeout, ...options.args ?? []];
    const env = options.env === undefined ? {} : { env: options.env };
    this.first = new ServeHost("first", args, env);
    this.second = new ServeHost("second", args, env);
  }

  /** Starts both at once, with a load; returns once one is protected by the other. The guest waits for that. */
  static async start(options: ServeOptions = {}): Promise<ServeHosts> {
    await using stack = new AsyncDisposableStack();
    const args = ["--require-backup", ...options.args ?? []];
    const hosts = stack.use(new ServeHosts({ ...options, args }));
    for (const host of hosts.both) host.start();
    hosts.#watch = new Watch(`${hosts.first.console},${hosts.second.console}`);
    await hosts.isProtected();
    await hosts.watch.progress();
    stack.move();
    return hosts;
  }

  get both(): readonly [ServeHost, ServeHost] {
    return [this.first, this.second];
  }

  /** The load, and the judgement of what it sees. */
  get watch(): Watch {
    return this.#watch!;
  }

  /** Waits until one reigns and the other one protects it; returns them in this order. */
  async isProtected(): Promise<[reigning: ServeHost, following: ServeHost]> {
    return await this.first.side.until(async () => {
      const found = await Promise.all(this.both.map(({ side }) => side.status().catch(() => {})));
      const roles = found.map((status) => status?.protected ? status.role : "");
      if (roles[0] === "primary" && roles[1] === "backup") return [this.first, this.second];
      if (roles[1] === "primary" && roles[0] === "backup") return [this.second, this.first];
      return undefined;
    }, "one of the two protected by the other");
  }

  /** Kills the one that reigns, sees the other one take over, and starts the killed one again. */
  async killReigning(): Promise<void> {
    const [reigning, following] = await this.isProtected();
    const { generation } = await reigning.side.status();
    await reigning.side.kill();
    reigning.start();
    await following.side.live(generation! + 1);
    await this.watch.progress();
    const [reigns] = await this.isProtected();
    assert.equal(reigns, following, "who has just been started reigns");
    await this.watch.progress();
  }

  /** The latest register. */
  async latest(): Promise<Register | undefined> {
    using arbiter = openArbiter(this.arbiter);
    return await arbiter.latest("ledger");
  }

  /** The guest's end, in good order on both. */
  async finish(): Promise<Seen> {
    const seen = await this.watch.finish();
    for (const host of this.both) await host.ended();
    assert.equal((await this.latest())?.ended, true);
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    const sides = this.both.flatMap(({ sides }) => sides);
    await Promise.all(sides.map((side) => side.kill()));
    await Deno.remove(this.directory, { recursive: true });
  }
}
