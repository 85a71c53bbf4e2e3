/**
 * Whole pairs whose arbiter is a real etcd, which is there, is killed, hangs, or loses its answers.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { Pair, type SideProcess } from "../demo/pair_processes.ts";
import { claimRetryMs } from "../primary/start.ts";
import { EtcdRelay } from "./support/etcd_relay.ts";
import { EtcdServer } from "./support/etcd_server.ts";
import { PATIENT_MS, SILENCE_MS } from "./support/pair_hosts.ts";
import { Watch, within } from "./support/pair_watch.ts";

/** A pair that is watched, and what decides between its sides. */
class Judged implements AsyncDisposable {
  private constructor(readonly etcd: EtcdServer, readonly pair: Pair, readonly watch: Watch) {}

  /**
   * Starts all; returns once the pair is protected, with the load coming.
   * @param spec the arbiter as both sides know it; default: the etcd itself
   */
  static async start(
    timeoutMs: number,
    specOf = ({ spec }: EtcdServer) => spec,
  ): Promise<Judged> {
    await using stack = new AsyncDisposableStack();
    const etcd = stack.use(await EtcdServer.start());
    const primary = { args: ["--timeout", `${timeoutMs}ms`] };
    const pair = stack.use(Pair.start({ arbiter: specOf(etcd), primary }));
    const judged = new Judged(etcd, pair, stack.use(new Watch(pair.consoles)));
    // Of both, so that whichever ends instead is heard at once.
    await Promise.all([
      pair.primary.protected(),
      pair.backup.saying(/protected: this side may take over/),
    ]);
    await judged.watch.progress();
    stack.move();
    return judged;
  }

  /** The generations that have been won. */
  async generations(): Promise<number[]> {
    const stored = await this.etcd.stored();
    return stored.map(({ key }) => {
      const [, generation] = key.match(/^\/understudy\/ledger\/(\d{16})$/) ?? [];
      assert.ok(generation !== undefined, `a key ${key}`);
      return Number(generation);
    });
  }

  /** The guest's end, in good order on every side that lives. */
  async finish(): Promise<void> {
    const living = this.pair.sides.filter(({ exit }) => exit === undefined);
    await this.watch.finish();
    for (const side of living) {
      const { code } = await within(side.exited, () => `${side.name}'s end: ${side.text}`);
      assert.equal(code, ExitCode.ok, `${side.name}: ${side.text}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
    await this.pair[Symbol.asyncDispose]();
    await this.etcd[Symbol.asyncDispose]();
  }
}

/** How an etcd can be out of reach; what a side has to say of it; how it is brought back. */
const TROUBLES = {
  "is killed": {
    begin: (etcd: EtcdServer) => etcd.kill(),
    end: (etcd: EtcdServer) => etcd.restart(),
    why: "arbiter etcd:http://[0-9.:]+: connect ECONNREFUSED [0-9.:]+; start etcd there",
  },
  "hangs": {
    begin: (etcd: EtcdServer) => etcd.pause(),
    end: (etcd: EtcdServer) => Promise.resolve(etcd.resume()),
    why: "arbiter etcd:http://[0-9.:]+: no answer within 1500 ms; it is cut off, hangs or",
  },
};

const BACKUP_WAITS = "backup: does not go on: the arbiter is out of reach: ";
const PRIMARY_WAITS = "outputs stay held: the arbiter is out of reach: ";

/** Waits until a side has said why it waits, and has had the time to try again a few times. */
async function waits(side: SideProcess, reason: string): Promise<void> {
  await side.saying(new RegExp(reason));
  await new Promise((resolve) => setTimeout(resolve, 3 * claimRetryMs));
}

Deno.test("with an etcd as arbiter either side's death is survived, and each reign has its key", async () => {
  await using judged = await Judged.start(PATIENT_MS);
  const { pair, watch } = judged;
  assert.deepEqual(await judged.generations(), [1]);
  await pair.primary.kill();
  await pair.backup.live(2);
  await watch.progress();
  const reigning = pair.backup;
  const joined = pair.startBackup({}, "backup");
  await joined.protected();
  await joined.kill();
  await reigning.live(3);
  await watch.progress();
  await judged.finish();
  // The guest's end is the last one.
  assert.deepEqual(await judged.generations(), [1, 2, 3, 4]);
});

Deno.test("a fresh primary whose first claim was carried out reigns, though every answer to it was lost", async () => {
  await using stack = new AsyncDisposableStack();
  let relay: EtcdRelay | undefined;
  await using judged = await Judged.start(PATIENT_MS, ({ address }) => {
    relay = stack.use(new EtcdRelay(address));
    // What reigns; the claim, the reading after it, and the same once more.
    relay.fates.push("through", "answer lost", "answer lost", "answer lost", "answer cut");
    return relay.spec;
  });
  assert.equal(relay!.fates.length, 0);
  const said = /waits: generation 1 of ledger could not be claimed: arbiter .*it hung up/;
  assert.match(judged.pair.primary.text, said);
  assert.deepEqual(await judged.generations(), [1]);
  await judged.finish();
});

Deno.test("a machine that reigns in an etcd is not started a second time", async () => {
  await using judged = await Judged.start(PATIENT_MS);
  const { pair } = judged;
  const second = pair.startPrimary({ args: ["--listen", "127.0.0.1:0", "--console", "none"] });
  const { code } = await within(second.exited, () => `its end: ${second.text}`);
  assert.equal(code, ExitCode.reigns, second.text);
  assert.match(second.text, /ledger already reigns: generation 1, first at 127/);
  await judged.finish();
});

for (const [trouble, { begin, end, why }] of Object.entries(TROUBLES)) {
  Deno.test(`while the etcd ${trouble}, a backup does not take over; then it does`, async () => {
    await using judged = await Judged.start(PATIENT_MS);
    const { etcd, pair, watch } = judged;
    await begin(etcd);
    await pair.primary.kill();
    await waits(pair.backup, BACKUP_WAITS + why);
    const shown = watch.bytes;
    await waits(pair.backup, BACKUP_WAITS + why);
    assert.equal(watch.bytes, shown, "output came though nobody may go on");
    assert.equal((await pair.backup.status()).role, "backup");
    await end(etcd);
    await pair.backup.live(2);
    await watch.progress();
    await judged.finish();
    assert.deepEqual(await judged.generations(), [1, 2, 3]);
  });

  Deno.test(`while the etcd ${trouble}, a primary without its backup holds its outputs; then it goes on`, async () => {
    await using judged = await Judged.start(PATIENT_MS);
    const { etcd, pair, watch } = judged;
    await begin(etcd);
    await pair.backup.kill();
    await waits(pair.primary, PRIMARY_WAITS + why);
    const shown = watch.bytes;
    await waits(pair.primary, PRIMARY_WAITS + why);
    assert.equal(watch.bytes, shown, "output came though nobody may go on");
    assert.equal((await pair.primary.status()).mode, "claiming");
    await end(etcd);
    await pair.primary.live(2);
    await watch.progress();
    await judged.finish();
  });

  Deno.test(`while the etcd ${trouble}, the primary keeps the machine that it was to hand over`, async () => {
    await using judged = await Judged.start(PATIENT_MS);
    const { etcd, pair, watch } = judged;
    await begin(etcd);
    assert.ok(await pair.primary.handover());
    await pair.primary.saying(new RegExp(`no handover: the arbiter is out of reach: ${why}`));
    await watch.progress();
    await end(etcd);
    assert.ok(await pair.primary.handover());
    const { code } = await within(pair.primary.exited, () => `its end: ${pair.primary.text}`);
    assert.equal(code, ExitCode.ok);
    await pair.backup.live(2);
    await judged.finish();
  });
}

Deno.test("two sides that lost each other and the etcd both wait, and one of them goes on when it is back", async () => {
  await using judged = await Judged.start(SILENCE_MS);
  const { etcd, pair: { primary, backup }, watch } = judged;
  const { begin, end, why } = TROUBLES["hangs"];
  await begin(etcd);
  primary.pause();
  await waits(backup, BACKUP_WAITS + why);
  primary.resume();
  await waits(primary, PRIMARY_WAITS + why);
  const shown = watch.bytes;
  await Promise.all([waits(backup, BACKUP_WAITS + why), waits(primary, PRIMARY_WAITS + why)]);
  assert.equal(watch.bytes, shown, "output came though nobody may go on");
  await end(etcd);
  const loser = await within(
    Promise.race([primary, backup].map(({ exited }, i) => exited.then(() => i))),
    () => `the end of one: ${primary.text}\n${backup.text}`,
  );
  const [lost, live] = loser === 0 ? [primary, backup] : [backup, primary];
  assert.equal((await lost.exited).code, ExitCode.lost, lost.text);
  assert.equal((await live.live(2)).role, "primary");
  await watch.progress();
  await judged.finish();
  assert.deepEqual(await judged.generations(), [1, 2, 3]);
});

Deno.test("a takeover whose claim was carried out goes on, though every answer to it was lost", async () => {
  await using stack = new AsyncDisposableStack();
  let relay: EtcdRelay | undefined;
  await using judged = await Judged.start(PATIENT_MS, ({ address }) => {
    relay = stack.use(new EtcdRelay(address));
    return relay.spec;
  });
  const { pair, watch } = judged;
  // The claim, the reading after it, and the same once more.
  relay!.fates.push("answer lost", "answer kept", "answer lost", "answer lost");
  await pair.primary.kill();
  await pair.backup.saying(/does not go on: the arbiter is out of reach: .*it hung up/);
  await pair.backup.live(2);
  assert.equal(relay!.fates.length, 0);
  await watch.progress();
  await judged.finish();
  assert.deepEqual(await judged.generations(), [1, 2, 3]);
});
