/**
 * Two hosts on which one machine lives on and on: whichever side was lost is started again as the backup
 * of the one that reigns. What can be done to it, a method each; all judged from outside.
 *
 * Called by the tests of whole pairs and their campaigns.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../../base/errors.ts";
import {
  Pair,
  type PairOptions,
  type PairSideOptions,
  type SideProcess,
} from "../../demo/pair_processes.ts";
import { type PairWatch, type Seen, Watch, within } from "./pair_watch.ts";

/** What became of two sides that had lost each other. */
export type PauseOutcome = "nothing" | "the primary lost" | "the backup lost";

/**
 * A timeout for what is not about silence: a busy host lets a process wait for half a second now and then
 * (measured: a second, with 14 runnable threads on two cores), and the other side rightly suspects it then.
 */
export const PATIENT_MS = 5000;
/** A timeout for what is. */
export const SILENCE_MS = 1000;

/** See the top of the file. */
export class Hosts<S = Seen> implements AsyncDisposable {
  /** The side that reigns. */
  reigning: SideProcess;
  /** Its backup. */
  following: SideProcess;
  generation = 1;
  /** The host that the machine reigns on. */
  #host: 0 | 1 = 0;

  private constructor(
    readonly pair: Pair,
    readonly watch: PairWatch<S>,
    private readonly timeoutMs: number,
  ) {
    this.reigning = pair.primary;
    this.following = pair.backup;
  }

  /**
   * Starts the pair and its watch; returns once it is protected, with the load coming.
   * @param timeoutMs silence for longer is a loss
   * @param primary how the first primary is started
   * @param keys both sides' folders of keys: everything is within TLS
   */
  static async start(
    timeoutMs: number,
    primary: PairSideOptions = {},
    keys?: PairOptions["keys"],
  ): Promise<Hosts> {
    return await Hosts.watched(
      timeoutMs,
      { primary, ...(keys === undefined ? {} : { keys }) },
      (pair) => new Watch(pair.consoles, { security: pair.security }),
    );
  }

  /**
   * The same with any guest.
   * @param watch makes what watches it
   */
  static async watched<S>(
    timeoutMs: number,
    options: PairOptions,
    watch: (pair: Pair) => PairWatch<S>,
  ): Promise<Hosts<S>> {
    await using stack = new AsyncDisposableStack();
    const args = [...options.primary?.args ?? [], "--timeout", `${timeoutMs}ms`];
    const pair = stack.use(Pair.start({ ...options, primary: { ...options.primary, args } }));
    const hosts = new Hosts(pair, stack.use(watch(pair)), timeoutMs);
    // Not by its status: a primary may be made to die the moment that protection begins.
    await hosts.following.saying(/protected: this side may take over/);
    stack.move();
    return hosts;
  }

  /** Kills the primary; the backup goes on, and a new one joins. */
  async killPrimary(): Promise<void> {
    await this.reigning.kill();
    await this.primaryDied();
    await this.replace();
  }

  /** The primary dies of a SIGKILL, now or at a crash point: the backup goes on. */
  async primaryDied(): Promise<void> {
    const { reigning } = this;
    const { code, signal } = await within(reigning.exited, () => `its death: ${reigning.text}`);
    assert.equal(signal, "SIGKILL", `the primary had ended with ${code}: ${reigning.text}`);
    this.#requireUnsuspected(reigning);
    await this.#takenOver();
  }

  /** Kills the backup; the primary goes on in the next generation, and a new backup joins. */
  async killBackup(): Promise<void> {
    await this.following.kill();
    await this.reigning.live(++this.generation);
    await this.watch.progress();
    await this.replace();
  }

  /** Hands over; the primary leaves, a new backup joins. */
  async handOver(): Promise<void> {
    assert.ok(await this.reigning.handover(), this.reigning.text);
    const { code } = await within(this.reigning.exited, () => `its end: ${this.reigning.text}`);
    assert.equal(code, ExitCode.ok, this.reigning.text);
    await this.#takenOver();
    await this.replace();
  }

  /**
   * Stops the primary for `pauseMs`, or until it has lost the machine; lets it go on, and settles.
   */
  async pausePrimary(pauseMs?: number): Promise<PauseOutcome> {
    this.reigning.pause();
    if (pauseMs === undefined) await this.following.live(this.generation + 1);
    else await new Promise((resolve) => setTimeout(resolve, pauseMs));
    this.reigning.resume();
    return await this.settle();
  }

  /**
   * Waits until the two sides agree on who reigns, after whatever came between them; checks that it is one
   * of them, and has the other, if it lost, replaced.
   */
  async settle(): Promise<PauseOutcome> {
    const { reigning } = this;
    const loser = await this.#settled();
    if (loser === reigning) {
      await this.#takenOver();
      await this.replace();
      return "the primary lost";
    }
    if (loser !== undefined) this.generation++;
    await this.watch.progress();
    if (loser === undefined) return "nothing";
    await this.replace();
    return "the backup lost";
  }

  /** Stops the backup until it has lost the machine, and lets it go on. */
  async pauseBackup(): Promise<void> {
    this.following.pause();
    await this.reigning.live(this.generation + 1);
    this.following.resume();
    assert.equal(await this.settle(), "the backup lost");
  }

  /** Starts a backup in the place of the side that was lost. */
  async replace(): Promise<void> {
    this.following = this.pair.startBackup({}, this.#host === 0 ? "primary" : "backup");
    await this.following.protected();
  }

  /** The guest's end, in good order on both sides. */
  async finish(): Promise<S> {
    const living = this.pair.sides.filter(({ exit }) => exit === undefined);
    const seen = await this.watch.finish();
    for (const side of living) {
      const { code } = await within(side.exited, () => `${side.name}'s end: ${side.text}`);
      assert.equal(code, ExitCode.ok, `${side.name}: ${side.text}`);
    }
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
    await this.pair[Symbol.asyncDispose]();
  }

  /** Waits until both sides know who reigns; returns the side that lost, if one did. */
  async #settled(): Promise<SideProcess | undefined> {
    const sides = [this.reigning, this.following];
    let calmSinceMs = Infinity;
    const gone = await this.following.until(async () => {
      const gone = sides.find(({ exit }) => exit !== undefined);
      if (gone !== undefined) return gone;
      const [first, second] = await Promise.all(sides.map((side) => side.status().catch(() => {})));
      const isCalm = first?.mode === "protected" && second?.mode === "following";
      // For longer than the timeout: neither is about to suspect the other.
      calmSinceMs = isCalm ? Math.min(calmSinceMs, performance.now()) : Infinity;
      return performance.now() - calmSinceMs > 1.2 * this.timeoutMs ? null : undefined;
    }, "one side's end, or a pair that is protected");
    if (gone === null) return undefined;
    const { code } = await gone.exited;
    assert.equal(code, ExitCode.lost, gone.text);
    assert.match(gone.text, /lost generation \d+ of \w+ to (first|second) at \S+/);
    const live = sides.find((side) => side !== gone)!;
    assert.equal(live.exit, undefined, `both sides ended:\n${gone.text}\n${live.text}`);
    const { role } = await live.live(this.generation + 1);
    assert.equal(role, "primary");
    return gone;
  }

  /** A primary that has lost its backup to silence is alone, and dies with its machine. */
  #requireUnsuspected(primary: SideProcess): void {
    const { text } = primary;
    const silence = text.slice(text.lastIndexOf(": protected: ")).match(/nothing heard for \d+ ms/);
    const cause = `the host held a side up for longer than the timeout of ${this.timeoutMs} ms`;
    assert.equal(silence, null, `${cause}, before the harm was done:\n${text}`);
  }

  /** The backup reigns. */
  async #takenOver(): Promise<void> {
    await this.following.live(++this.generation);
    this.reigning = this.following;
    this.#host = this.#host === 0 ? 1 : 0;
    await this.watch.progress();
  }
}
