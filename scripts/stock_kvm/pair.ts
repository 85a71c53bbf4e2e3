/**
 * Two stock hosts on one virtual network, with an arbiter and an observer beside them.
 *
 * ```
 *        A 192.168.76.11 ─┐            ┌─ arbiter 192.168.76.2:PORT = 127.0.0.1:PORT of this machine
 *                         ├── switch ──┤
 *        B 192.168.76.12 ─┘            └─ observer: 127.0.0.1:N of this machine ─▶ any port of a host
 * ```
 *
 *     await using pair = await StockPair.start({ boot });
 *     pair.host("A").run(["./understudy", "primary", "ledger", "--listen", `${addressOf.A}:7000`]);
 *     pair.rules.cut({ from: "A", to: "B" });
 *     await pair.host("A").crash();
 *     await pair.boot("A");
 *
 * Leaving the scope ends all of it. The tests of whole pairs call it, and `pair_main.ts`.
 */
import { UnavailableError } from "../../base/errors.ts";
import { FrameSwitch } from "./frame_switch.ts";
import { Gateway } from "./gateway.ts";
import { StockHost, type StockHostOptions } from "./host.ts";
import { type End, ENDS, type LinkRules } from "./link_rules.ts";

/** A host of a pair. */
export type HostName = "A" | "B";
/** Both of them. */
export const HOST_NAMES: readonly HostName[] = ["A", "B"];

const PREFIX = 24;
const NETWORK = `192.168.76.0/${PREFIX}`;
/** The ends' addresses on the virtual network. */
export const addressOf: Readonly<Record<End, string>> = {
  A: "192.168.76.11",
  B: "192.168.76.12",
  arbiter: "192.168.76.2",
  observer: "192.168.76.3",
};
/** See {@link GatewayEnd}. */
const UNUSED = { arbiter: "192.168.76.102", observer: "192.168.76.103" } as const;

/** How a pair is started: as one host, but for what makes it two. */
export interface StockPairOptions extends Omit<StockHostOptions, "name" | "network"> {
  /** Which are booted at first; default: both. */
  readonly hosts?: readonly HostName[];
}

/** See the top of the file. */
export class StockPair implements AsyncDisposable {
  readonly #hosts = new Map<HostName, StockHost>();
  readonly #forwards = new Map<string, Promise<string>>();

  private constructor(
    readonly options: StockPairOptions,
    readonly folder: string,
    readonly network: FrameSwitch,
    readonly gateway: Gateway,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /** Boots the hosts at once. @throws UnavailableError if one does not come up */
  static async start(options: StockPairOptions): Promise<StockPair> {
    await using stack = new AsyncDisposableStack();
    const folder = Deno.makeTempDirSync({ prefix: "understudy-network-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const network = stack.use(new FrameSwitch());
    for (const end of ENDS) network.open(end, `${folder}/${end}`);
    const ends = (["arbiter", "observer"] as const).map((name) => ({
      name,
      address: addressOf[name],
      unusedAddress: UNUSED[name],
      socket: `${folder}/${name}`,
    }));
    const gateway = stack.use(await Gateway.start(NETWORK, ends, `${folder}/monitor`));
    const pair = new StockPair(options, folder, network, gateway, stack.move());
    try {
      const names = options.hosts ?? HOST_NAMES;
      const boots = await Promise.allSettled(names.map((name) => pair.boot(name)));
      const failed = boots.find((boot) => boot.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
    return pair;
  }

  /** What becomes of frames between the ends. */
  get rules(): LinkRules {
    return this.network.rules;
  }

  /** A host, as it was booted last. */
  host(name: HostName): StockHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new UnavailableError(`host ${name} was not booted`);
    return host;
  }

  /** Boots a host, also after a crash: with nothing of what it had written. */
  async boot(name: HostName): Promise<StockHost> {
    await this.#hosts.get(name)?.[Symbol.asyncDispose]();
    const host = await StockHost.start({
      ...this.options,
      name,
      network: { socket: `${this.folder}/${name}`, address: `${addressOf[name]}/${PREFIX}` },
    });
    this.#hosts.set(name, host);
    return host;
  }

  /** Where both hosts reach a port that a program listens on at 127.0.0.1 of this machine. */
  arbiterAddress(port: number): string {
    return `${addressOf.arbiter}:${port}`;
  }

  /** Where the observer, on this machine, reaches a port of a host: `127.0.0.1:N`. Stays the same. */
  reach(name: HostName, port: number): Promise<string> {
    const key = `${name}:${port}`;
    let address = this.#forwards.get(key);
    if (address === undefined) {
      address = this.gateway.forward("observer", addressOf[name], port)
        .then((own) => `127.0.0.1:${own}`);
      this.#forwards.set(key, address);
    }
    return address;
  }

  /** Ends both hosts and the network. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host[Symbol.asyncDispose]()));
    await this.stack.disposeAsync();
  }
}
