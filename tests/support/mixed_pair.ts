/**
 * A pair of two kinds of host: one side on this machine's own KVM, the other one on a stock host.
 *
 * Called by the test of mixed pairs and their campaign.
 */
import { freePort, SideProcess } from "../../demo/pair_processes.ts";
import type { Side } from "../../demo/side.ts";
import type { StockPair } from "../../scripts/stock_kvm/pair.ts";
import type { EtcdServer } from "./etcd_server.ts";
import { bootStockPair, PATIENCE } from "./stock_hosts.ts";
import { STOCK_PORT, StockSide } from "./stock_side.ts";

/** Which side is on this machine; the other one is on the stock host. */
export type Here = "primary" | "backup";

/** A stock host beside this machine, booted once for several pairs. */
export class MixedHosts implements AsyncDisposable {
  #machines = 0;

  private constructor(
    private readonly pair: StockPair,
    private readonly etcd: EtcdServer,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /** Boots the stock host. */
  static async start(): Promise<MixedHosts> {
    await using stack = new AsyncDisposableStack();
    const { pair, etcd } = await bootStockPair(stack, ["A"]);
    return new MixedHosts(pair, etcd, stack.move());
  }

  /** Starts a pair whose guest waits for its backup. @param args further options of the primary */
  async startPair(here: Here, guest: string, args: readonly string[] = []): Promise<MixedPair> {
    const id = `${guest}-${++this.#machines}`;
    const primary = ["primary", guest, "--id", id, "--require-backup", ...PATIENCE, ...args];
    return here === "primary" ? await this.#primaryHere(primary) : await this.#backupHere(primary);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  async #primaryHere(args: readonly string[]): Promise<MixedPair> {
    const log = freePort();
    const console = `127.0.0.1:${freePort()}`;
    const own = new SideProcess("primary here", [
      ...[...args, "--listen", `127.0.0.1:${log}`, "--arbiter", `etcd:http://${this.etcd.address}`],
      ...["--console", `console:${console}`, "--status", "127.0.0.1:0"],
    ]);
    await own.saying(/waits for a backup/);
    const address = this.pair.arbiterAddress(log);
    const other = await StockSide.start(this.pair, "A", ["backup", ...this.#following(address)]);
    return new MixedPair(own, other, console, own);
  }

  async #backupHere(args: readonly string[]): Promise<MixedPair> {
    const other = await StockSide.start(this.pair, "A", [...args, "--arbiter", this.#arbiter]);
    await other.saying(/waits for a backup/);
    const own = new SideProcess("backup here", [
      ...["backup", "--primary", await this.pair.reach("A", STOCK_PORT.log)],
      ...["--arbiter", `etcd:http://${this.etcd.address}`],
      ...["--console", "none", "--status", "127.0.0.1:0"],
    ]);
    return new MixedPair(other, own, await this.pair.reach("A", STOCK_PORT.console), own);
  }

  /** The etcd, as the stock host reaches it. */
  get #arbiter(): string {
    return `etcd:http://${this.pair.arbiterAddress(Number(this.etcd.address.split(":")[1]))}`;
  }

  #following(primary: string): string[] {
    return ["--primary", primary, "--arbiter", this.#arbiter];
  }
}

/** One pair. Leaving the scope ends the side that is on this machine; the other one follows it or its host. */
export class MixedPair implements AsyncDisposable {
  constructor(
    readonly primary: Side,
    readonly backup: Side,
    /** Where the primary shows the console, for a client on this machine. */
    readonly consoles: string,
    private readonly own: SideProcess,
  ) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.own.kill();
  }
}
