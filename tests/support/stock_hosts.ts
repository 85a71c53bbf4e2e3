/**
 * Two stock hosts on which one machine lives on and on, an etcd that both reach, and a client that watches from
 * outside both: what can befall whole hosts and the network between them, a method each.
 *
 * Called by the tests of stock hosts and their campaigns. For two processes of one host: pair_hosts.ts.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../../base/errors.ts";
import { bothWays, type End } from "../../scripts/stock_kvm/link_rules.ts";
import { bootFiles, openCache } from "../../scripts/stock_kvm/layers.ts";
import { addressOf, HOST_NAMES, type HostName, StockPair } from "../../scripts/stock_kvm/pair.ts";
import { silentProgress } from "../../scripts/stock_kvm/progress.ts";
import { EtcdServer } from "./etcd_server.ts";
import { type Seen, Watch, within } from "./pair_watch.ts";
import { STOCK_PORT, StockSide } from "./stock_side.ts";

/** Who still reaches the arbiter when the two hosts have lost each other. */
export type Reach = "the primary" | "the backup" | "both" | "neither";
/** All of them. */
export const REACHES: readonly Reach[] = ["the primary", "the backup", "both", "neither"];

/** A host under emulation may stand still for a second or two: that is not to be a loss. */
const TIMEOUT_MS = 8000;
/** Options of a primary on a stock host, or with a backup there. That the backup is slow there is no surprise. */
export const PATIENCE = ["--timeout", `${TIMEOUT_MS}ms`, "--lag-max", `${TIMEOUT_MS}ms`];
/** A guest's clock, where every exit takes long. */
const SLOW_CLOCK = ["--cmdline", "hz=20"];
/** What takes a second on a host takes so long there. */
const HANG_MS = 600_000;
/** An emulated host is busy with ten requests a second. */
const LOAD_INTERVAL_MS = 100;

/** Hosts that are booted, with nothing started in them, and an etcd. */
export async function bootStockPair(
  stack: AsyncDisposableStack,
  hosts: readonly HostName[] = HOST_NAMES,
): Promise<{ pair: StockPair; etcd: EtcdServer }> {
  const { signal } = new AbortController();
  const boot = await bootFiles({ cache: openCache(), progress: silentProgress, signal });
  const etcd = stack.use(await EtcdServer.start());
  const pair = stack.use(await StockPair.start({ boot, cpus: 1, hosts }));
  return { pair, etcd };
}

/** See the top of the file. */
export class StockHosts implements AsyncDisposable {
  generation = 1;

  private constructor(
    readonly pair: StockPair,
    readonly arbiter: string,
    readonly watch: Watch,
    /** The side that reigns. */
    public reigning: StockSide,
    /** Its backup. */
    public following: StockSide,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /** Boots both hosts and starts a pair on them; returns once it is protected, with the load coming. */
  static async start(): Promise<StockHosts> {
    await using stack = new AsyncDisposableStack();
    const { pair, etcd } = await bootStockPair(stack);
    const arbiter = `etcd:http://${pair.arbiterAddress(Number(etcd.address.split(":")[1]))}`;
    const args = ["primary", "ledger", ...SLOW_CLOCK, "--require-backup", ...PATIENCE];
    const reigning = await StockSide.start(pair, "A", [...args, "--arbiter", arbiter]);
    const following = await StockSide.start(pair, "B", followArgs("A", arbiter));
    await reigning.protected();
    const consoles = await Promise.all(
      HOST_NAMES.map((name) => pair.reach(name, STOCK_PORT.console)),
    );
    const watch = new Watch(consoles.join(","), { hangMs: HANG_MS, intervalMs: LOAD_INTERVAL_MS });
    stack.use(watch);
    return new StockHosts(pair, arbiter, watch, reigning, following, stack.move());
  }

  /** The primary's whole host is gone; the backup goes on, and the host comes back as the new backup's. */
  async crashPrimary(): Promise<void> {
    const { host } = this.reigning;
    await this.pair.host(host).crash();
    await this.#takenOver();
    await this.pair.boot(host);
    await this.#join(host);
  }

  /**
   * The hosts lose each other, and some of them the arbiter, while both live. Then all is healed, and who lost
   * joins again.
   * @returns who goes on
   */
  async partition(reach: Reach): Promise<"the primary" | "the backup"> {
    const { reigning, following, pair } = this;
    const cutOff = {
      "the primary": [following.host],
      "the backup": [reigning.host],
      both: [],
      neither: [reigning.host, following.host],
    }[reach];
    const toArbiter = cutOff.flatMap((host) => bothWays(host, "arbiter" as End));
    pair.rules.cut(...bothWays("A", "B"), ...toArbiter);
    if (reach === "neither") await this.#nobodyGoesOn();
    else await this.#oneGoesOn(reach);
    pair.rules.heal();
    const winner = await this.#onlyOne();
    const loser = winner === reigning ? following : reigning;
    this.generation++;
    this.reigning = winner;
    await this.watch.progress();
    await this.#join(loser.host);
    return winner === reigning ? "the primary" : "the backup";
  }

  /** The guest's end, in good order on both sides. */
  async finish(): Promise<Seen> {
    const seen = await this.watch.finish();
    for (const side of [this.reigning, this.following]) {
      const { code } = await within(side.exited, () => `${side.name}'s end: ${side.text}`, HANG_MS);
      assert.equal(code, ExitCode.ok, `${side.name}: ${side.text}`);
    }
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  async #takenOver(): Promise<void> {
    await this.following.live(++this.generation);
    this.reigning = this.following;
    await this.watch.progress();
  }

  /** Starts a backup of the side that reigns. */
  async #join(host: HostName): Promise<void> {
    const args = followArgs(this.reigning.host, this.arbiter);
    this.following = await StockSide.start(this.pair, host, args);
    await this.following.protected();
  }

  /** Cut off from each other and from the arbiter: both say so, nothing more is seen, both live. */
  async #nobodyGoesOn(): Promise<void> {
    const sides = [this.reigning, this.following];
    for (const side of sides) await side.saying(/arbiter is out of reach/);
    const shown = this.watch.bytes;
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS));
    assert.equal(this.watch.bytes, shown, "an output was seen that nobody had won the right to");
    for (const side of sides) assert.equal(side.ending, undefined, side.text);
    for (const side of sides) {
      const { role, generation, mode } = await side.status();
      assert.ok(generation === this.generation && mode !== "alone", `${role} ${mode}`);
    }
  }

  async #oneGoesOn(reach: Exclude<Reach, "neither">): Promise<void> {
    const { reigning, following } = this;
    const next = this.generation + 1;
    if (reach === "the primary") await reigning.live(next);
    else if (reach === "the backup") await following.live(next);
    else await Promise.any([reigning.live(next), following.live(next)]);
    await this.watch.progress();
  }

  /** Waits until one side reigns in the next generation and the other has halted because of that. */
  async #onlyOne(): Promise<StockSide> {
    const sides = [this.reigning, this.following];
    const gone = await this.following.until(
      () => sides.find((side) => side.ending !== undefined),
      "one side's end",
    );
    const live = sides.find((side) => side !== gone)!;
    const { code } = await gone.exited;
    assert.equal(code, ExitCode.lost, gone.text);
    assert.match(gone.text, new RegExp(`lost generation ${this.generation + 1} of ledger to `));
    const { role } = await live.live(this.generation + 1);
    assert.equal(role, "primary");
    assert.equal(live.ending, undefined, `both ended:\n${gone.text}\n${live.text}`);
    return live;
  }
}

function followArgs(primary: HostName, arbiter: string): string[] {
  const address = `${addressOf[primary]}:${STOCK_PORT.log}`;
  return ["backup", "--primary", address, "--arbiter", arbiter];
}
