/**
 * Backups join busy machines, with real processes: the guest runs on meanwhile, and whoever dies in the middle of it,
 * nothing that was promised is lost.
 */
import assert from "node:assert/strict";
import { Pair, type SideProcess } from "../demo/pair_processes.ts";
import { Hosts, PATIENT_MS } from "./support/pair_hosts.ts";
import { Watch } from "./support/pair_watch.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { SlowLink } from "./support/slow_link.ts";
import { type SpinSeen, SpinWatch } from "./support/spin_watch.ts";

const seed = chooseSeed("join_test");
const JOINS = 4;
const KILLS = 5;
/** A join takes a second or so at this rate: there is a middle of it. */
const LINK_BITS_PER_SECOND = 600_000;
/** Of the kills after the first one, which is at the very beginning. */
const KILL_WITHIN_MS = 3000;
const PRIMARY_ARGS = ["--timeout", `${PATIENT_MS}ms`, "--memory", "64M"];

/** What the status has of a state transfer. */
interface TransferStatus {
  readonly round: number;
  readonly sentBytes: number;
  readonly stopMs: number | null;
  readonly isUnderWay?: boolean;
}

async function transferOf(side: SideProcess): Promise<TransferStatus> {
  return (await side.status()).transfer as TransferStatus;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("backups join a busy machine again and again: the output has no gap, the digests agree", async () => {
  const args = [...PRIMARY_ARGS, "--lag-max", "off"];
  await using pair = Pair.start({ requireBackup: false, primary: { args } });
  await using watch = new Watch(pair.consoles, { intervalMs: 0 });
  for (let join = 1; join <= JOINS; join++) {
    const { backup, primary } = pair;
    await primary.protected();
    await watch.progress(200);
    const [mine, theirs] = [await transferOf(primary), await transferOf(backup)];
    assert.ok(mine.round >= 1 && mine.sentBytes > 0, JSON.stringify(mine));
    assert.ok(mine.stopMs! > 0);
    assert.equal(theirs.stopMs, mine.stopMs);
    assert.match(backup.text, /joined in .* rounds, .*; the guest stood still for \d+\.\d ms/);
    assert.equal((await primary.status()).divergences, 0, `${primary.text}\n${backup.text}`);
    if (join === JOINS) break;
    await backup.kill();
    await primary.live(join + 1);
    pair.startBackup();
  }
  const seen = await watch.finish();
  assert.equal(seen.duplicateBytes, 0);
  const [, recorded] = (await ended(pair.primary)).match(/recorded up to (\d+), \d+ digests/)!;
  const [, replayed, digests] = (await ended(pair.backup)).match(
    /replayed up to (\d+), (\d+) digests equal/,
  )!;
  assert.equal(replayed, recorded);
  assert.ok(Number(digests) > 0);
});

Deno.test("a backup that joins in the middle of a run ends it at the same execution point, with equal digests", async () => {
  const args = [...PRIMARY_ARGS, "--cmdline", `${seed} 100`];
  await using pair = Pair.start({ guest: "stress", requireBackup: false, primary: { args } });
  await pair.primary.protected();
  const { round, sentBytes } = await transferOf(pair.primary);
  assert.ok(round >= 1 && sentBytes > 0);
  const [, recorded] = (await ended(pair.primary)).match(/recorded up to (\d+), \d+ digests/)!;
  const [, replayed, digests] = (await ended(pair.backup)).match(
    /replayed up to (\d+), (\d+) digests equal/,
  )!;
  assert.equal(replayed, recorded);
  assert.ok(Number(digests) > 0);
});

for (const mode of ["replay", "checkpoint"]) {
  Deno.test(`backups join a guest that computes and writes without exits, in ${mode} mode, before a takeover and after it`, async () => {
    await using hosts = await Hosts.watched(PATIENT_MS, {
      guest: "spin",
      commandLine: `seed=${seed} working-set=4M steps=2000 seconds=100000`,
      requireBackup: false,
      primary: { args: ["--mode", mode] },
    }, (pair) => new SpinWatch(pair.consoles));
    await joinedWhileComputing(hosts);
    await hosts.killPrimary();
    await joinedWhileComputing(hosts);
    await hosts.killBackup();
    await joinedWhileComputing(hosts);
    await hosts.following.having(({ digests }) => (digests as number) > 0, "a digest compared");
    const { rounds } = await hosts.finish();
    assert.ok(rounds > 0);
  });
}

/** A backup has joined a guest that computes, and follows. */
async function joinedWhileComputing({ reigning, following, watch }: Hosts<SpinSeen>) {
  const before = await reigning.status();
  const { round, stopMs } = before.transfer as TransferStatus;
  assert.ok(round >= 1 && stopMs! > 0, JSON.stringify(before.transfer));
  await watch.progress(5);
  const after = await reigning.status();
  assert.equal(after.divergences, 0, `${reigning.text}\n${following.text}`);
  assert.ok((after.forcedPoints as number) > (before.forcedPoints as number));
  assert.ok(after.log.states! > 0);
}

Deno.test("a side that has taken over lets the next backup in while its guest runs, too", async () => {
  await using hosts = await Hosts.start(PATIENT_MS);
  await hosts.killPrimary();
  const { round, stopMs } = await transferOf(hosts.reigning);
  assert.ok(round >= 1 && stopMs! > 0);
  await hosts.finish();
});

Deno.test("a backup that dies in the middle of its join, whenever, costs the machine nothing", async () => {
  const random = new Random(seed);
  await using stack = new AsyncDisposableStack();
  const { link, pair, begin } = slowJoin(stack);
  const { primary } = pair;
  await using watch = new Watch(pair.consoles, { intervalMs: 0 });
  await watch.progress();
  await begin();
  let underWay = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await pair.backup.saying(/joins machine/);
    await sleep(kill === 0 ? 0 : random.below(KILL_WITHIN_MS));
    const before = await primary.status();
    if (before.mode === "alone") underWay++;
    await pair.backup.kill();
    await primary.having(({ mode, backup }) => mode === "alone" && backup === null, "it alone");
    await watch.progress();
    await primary.having(
      ({ throttle, transfer }) => throttle === 0 && !(transfer as TransferStatus).isUnderWay,
      "nothing left of the join",
    );
    pair.startBackup();
  }
  assert.ok(underWay > 0, "none was killed before it was protected");
  link.bitsPerSecond = 1e9;
  await primary.protected();
  await watch.progress();
  const { duplicateBytes } = await watch.finish();
  assert.equal(duplicateBytes, 0);
});

Deno.test("a primary that dies in the middle of a join, whenever, is succeeded by a backup that was protected, or by none", async () => {
  const random = new Random(seed);
  const found = { alone: 0, succeeded: 0 };
  for (let kill = 0; kill < KILLS; kill++) {
    await using stack = new AsyncDisposableStack();
    const { pair, begin } = slowJoin(stack);
    const { primary, backup } = pair;
    await using watch = new Watch(pair.consoles, { intervalMs: 0 });
    await watch.progress();
    await begin();
    await sleep(kill === 0 ? 0 : random.below(KILL_WITHIN_MS));
    await primary.kill();
    await backup.saying(/joins anew|took over|goes live/);
    if (/: protected: this side may take over/.test(backup.text)) {
      await backup.live(2);
      await watch.progress();
      await watch.finish();
      found.succeeded++;
    } else {
      // Half a state is no machine: it asks for another one, and claims nothing.
      assert.doesNotMatch(backup.text, /goes live|claim/);
      assert.deepEqual(generations(pair.directory), 1);
      found.alone++;
    }
  }
  assert.ok(found.alone > 0, "none was killed before it was protected");
  console.log(`killed before protection: ${found.alone}, after it: ${found.succeeded}`);
});

Deno.test("when both die in the middle of a join, whenever, who comes next has no half of a machine to go live with", async () => {
  const random = new Random(seed);
  let underWay = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await using stack = new AsyncDisposableStack();
    const { pair, begin } = slowJoin(stack);
    const { primary, backup } = pair;
    await begin();
    await sleep(kill === 0 ? 0 : random.below(KILL_WITHIN_MS));
    await Promise.all([primary.kill(), backup.kill()]);
    // One that was protected may have taken over before its own death: that is another test's.
    if (/: protected: this side may take over/.test(backup.text)) continue;
    underWay++;
    const next = pair.startBackup({});
    await next.saying(/no connection to .*; joins anew/);
    assert.doesNotMatch(next.text, /goes live|claim/);
    assert.equal(generations(pair.directory), 1);
  }
  assert.ok(underWay > 0, "none was killed before it was protected");
});

/** A pair whose backup joins over a slow link: there is a middle of it. `begin` returns when it does. */
function slowJoin(stack: AsyncDisposableStack) {
  const link = stack.use(new SlowLink(LINK_BITS_PER_SECOND));
  const pair = stack.use(Pair.start({
    requireBackup: false,
    primary: { args: PRIMARY_ARGS },
    backup: { args: ["--primary", link.address] },
  }));
  const begin = async () => {
    const [, address] = await pair.primary.saying(/a backup can join at (\S+)/);
    link.leadTo(address!);
    await pair.backup.saying(/joins machine/);
  };
  return { link, pair, begin };
}

/** How many generations of the machine have been won. */
function generations(directory: string): number {
  let count = 0;
  for (const { isDirectory, name } of Deno.readDirSync(`${directory}/arbiter`)) {
    const path = `${directory}/arbiter/${name}`;
    count += isDirectory ? [...Deno.readDirSync(path)].length : 1;
  }
  return count;
}

/** What a side has said when it has ended in good order. */
async function ended(side: SideProcess): Promise<string> {
  const { code } = await side.exited;
  assert.equal(code, 0, side.text);
  return side.text;
}
