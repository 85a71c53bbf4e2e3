/**
 * `understudy serve` on two hosts, as real processes: who reigns, who follows, what they survive.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { claimRetryMs } from "../primary/start.ts";
import { SILENCE_MS } from "./support/pair_hosts.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { ServeHosts } from "./support/serve_hosts.ts";

const seed = chooseSeed("serve_test");

/** Time to ask the arbiter a few times. */
async function aWhile(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 8 * claimRetryMs));
}

Deno.test("of two that start at once one reigns and the other protects it", async () => {
  const random = new Random(seed);
  for (let round = 0; round < 4; round++) {
    await using hosts = new ServeHosts();
    for (const host of random.below(2) === 0 ? hosts.both : hosts.both.toReversed()) {
      host.start();
      await new Promise((resolve) => setTimeout(resolve, random.below(3) * 100));
    }
    const [reigning] = await hosts.isProtected();
    const latest = await hosts.latest();
    assert.deepEqual([latest?.generation, latest?.who], [1, reigning.name]);
    assert.equal(latest?.address, reigning.address);
  }
});

Deno.test("nothing is lost when whoever reigns is killed, and what is started again joins", async () => {
  await using hosts = await ServeHosts.start();
  for (let kill = 0; kill < 3; kill++) await hosts.killReigning();
  assert.equal((await hosts.latest())?.generation, 4);
  await hosts.finish();
});

Deno.test("a backup that is killed and started again joins again, and nothing is seen twice", async () => {
  await using hosts = await ServeHosts.start();
  const [reigning, following] = await hosts.isProtected();
  await following.side.kill();
  following.start();
  await reigning.side.live(2);
  await hosts.watch.progress();
  assert.deepEqual(await hosts.isProtected(), [reigning, following]);
  assert.equal((await hosts.finish()).duplicateBytes, 0);
});

Deno.test("whoever hands over on request is the backup afterwards, in the same process", async () => {
  await using hosts = await ServeHosts.start();
  for (let handover = 0; handover < 2; handover++) {
    const [reigning, following] = await hosts.isProtected();
    assert.ok(await reigning.side.handover());
    await following.side.live(handover + 2);
    await hosts.watch.progress();
    assert.deepEqual(await hosts.isProtected(), [following, reigning]);
  }
  assert.deepEqual(hosts.both.map(({ sides }) => sides.length), [1, 1]);
  assert.equal((await hosts.finish()).duplicateBytes, 0);
});

Deno.test("a primary that was stopped for too long finds itself replaced, and joins as a backup", async () => {
  await using hosts = await ServeHosts.start({ timeoutMs: SILENCE_MS });
  const [reigning, following] = await hosts.isProtected();
  const { generation } = await reigning.side.status();
  reigning.side.pause();
  await following.side.live(generation! + 1);
  reigning.side.resume();
  await reigning.side.saying(/lost generation \d+ of ledger to (first|second) at/);
  await hosts.watch.progress();
  await hosts.isProtected();
  await hosts.finish();
});

Deno.test("SIGTERM has a backup leave, and a protected primary hand over, with code 0", async () => {
  await using hosts = await ServeHosts.start();
  const [reigning, following] = await hosts.isProtected();
  following.side.signal("SIGTERM");
  await following.ended();
  await hosts.watch.progress();
  following.start();
  await hosts.isProtected();
  const { generation } = await reigning.side.status();
  reigning.side.signal("SIGTERM");
  await reigning.ended();
  assert.match(reigning.side.text, /handed over to/);
  await following.side.live(generation! + 1);
  await hosts.watch.progress();
  following.side.signal("SIGTERM");
  await following.ended();
  assert.equal((await hosts.latest())?.ended, true, "an unprotected primary ends its guest");
});

Deno.test("SIGTERM on both at once ends both, and the guest in good order", async () => {
  const random = new Random(seed);
  for (let round = 0; round < 3; round++) {
    await using hosts = await ServeHosts.start();
    for (const { side } of await hosts.isProtected()) {
      side.signal("SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, random.below(20)));
    }
    for (const host of hosts.both) await host.ended();
    assert.equal((await hosts.latest())?.ended, true, "the guest's end is recorded");
  }
});

Deno.test("one after the other can be restarted, without waiting in between, and the machine lives on", async () => {
  await using hosts = await ServeHosts.start();
  for (let round = 0; round < 2; round++) {
    const [reigning, following] = await hosts.isProtected();
    for (const host of [reigning, following]) {
      host.side.signal("SIGTERM");
      await host.ended();
      host.start();
    }
    await hosts.watch.progress();
  }
  await hosts.isProtected();
  assert.equal((await hosts.finish()).duplicateBytes, 0);
});

Deno.test("a backup that is stopped in the middle of a handover has the other side go on, as that joins again", async () => {
  await using hosts = await ServeHosts.start();
  const [reigning, following] = await hosts.isProtected();
  assert.ok(await reigning.side.handover());
  following.side.signal("SIGTERM");
  await following.ended();
  following.start();
  await hosts.watch.progress();
  assert.deepEqual(await hosts.isProtected(), [reigning, following]);
  await hosts.finish();
});

Deno.test("SIGTERM while the arbiter is out of reach: the primary keeps the machine, and hands over when it is back", async () => {
  await using hosts = await ServeHosts.start();
  const [reigning, following] = await hosts.isProtected();
  await Deno.rename(hosts.directory, `${hosts.directory}.away`);
  reigning.side.signal("SIGTERM");
  await reigning.side.saying(/no handover: the arbiter is out of reach/);
  await aWhile();
  await hosts.watch.progress();
  assert.equal((await reigning.side.status()).role, "primary");
  await Deno.rename(`${hosts.directory}.away`, hosts.directory);
  await reigning.ended();
  await following.side.live(2);
  reigning.start();
  await hosts.isProtected();
  await hosts.finish();
});

Deno.test("SIGTERM ends one that waits: for the arbiter, or for a primary that does not answer", async () => {
  await using hosts = new ServeHosts();
  const away = `file:${hosts.directory}/away`;
  const side = hosts.first.start("--arbiter", away);
  await side.saying(/waits: the arbiter is out of reach: .*create the directory/);
  side.signal("SIGTERM");
  await hosts.first.ended();
  await hosts.first.start().live();
  await hosts.first.side.kill();
  const waiting = hosts.second.start();
  await waiting.saying(
    /no connection to .*generation 1 of ledger, first at .*, reigns: waits .*--supersede 1 starts/,
  );
  waiting.signal("SIGTERM");
  await hosts.second.ended();
});

Deno.test("a machine whose every side died is not started anew, by neither, until that is asked for", async () => {
  await using hosts = await ServeHosts.start();
  await Promise.all(hosts.both.map(({ side }) => side.kill()));
  const { generation, who, nonce } = (await hosts.latest())!;
  for (const host of hosts.both) host.start();
  const [reigned, other] = who === "first" ? hosts.both : hosts.both.toReversed();
  await reigned!.side.saying(
    /was this side before it was started again: waits for its backup's takeover/,
  );
  // Nobody is there yet, or who was started again there has no machine.
  const unanswered = "(no connection to .*|refused: this side is a backup itself)";
  await other!.side.saying(new RegExp(`${unanswered} .*--supersede ${generation} .*joins anew`));
  await aWhile();
  assert.equal((await hosts.latest())?.nonce, nonce);
  await Promise.all(hosts.both.map(({ side }) => side.kill()));
  // On both, as in their units; and it stays there.
  for (const host of hosts.both) host.start("--supersede", `${generation}`);
  const [reigning] = await hosts.isProtected();
  assert.equal((await hosts.latest())?.generation, generation + 1);
  const { generation: now } = await reigning.side.status();
  await reigning.side.kill();
  reigning.start("--supersede", `${generation}`);
  const [next] = await hosts.isProtected();
  assert.notEqual(next, reigning);
  assert.equal((await hosts.latest())?.generation, now! + 1);
});

Deno.test("a generation that can't be superseded, because there is none so late, is code 2", async () => {
  await using hosts = new ServeHosts();
  const { first } = hosts;
  first.start("--supersede", "7");
  await first.ended(ExitCode.usage);
  assert.match(first.side.text, /--supersede 7: the latest generation of ledger is none/);
  await first.start().live();
  await first.side.kill();
  first.start("--supersede", "7");
  await first.ended(ExitCode.usage);
  assert.match(first.side.text, /--supersede 7: the latest generation of ledger is 1/);
  assert.equal((await hosts.latest())?.generation, 1);
});

Deno.test("a machine that ended in good order is started anew, by one of the two", async () => {
  await using hosts = await ServeHosts.start();
  await hosts.finish();
  const { generation } = (await hosts.latest())!;
  for (const host of hosts.both) host.start("--require-backup");
  await hosts.isProtected();
  assert.equal((await hosts.latest())?.generation, generation + 1);
});

Deno.test("while the arbiter is out of reach nothing is started; then it is", async () => {
  await using hosts = new ServeHosts();
  await Deno.remove(hosts.directory);
  for (const host of hosts.both) host.start();
  for (const { side } of hosts.both) await side.saying(/waits: the arbiter is out of reach/);
  await aWhile();
  await Deno.mkdir(hosts.directory);
  await hosts.isProtected();
});

Deno.test("an arbiter that has forgotten a machine that was seen to reign is not taken for a fresh one", async () => {
  await using hosts = new ServeHosts();
  await hosts.first.start().live();
  await hosts.first.side.kill();
  await hosts.second.start().saying(/no connection to .*generation 1 of ledger, first at/);
  await Deno.remove(`${hosts.directory}/ledger.1.json`);
  await hosts.second.side.saying(/ledger has never reigned; waits for a primary/);
  await aWhile();
  assert.equal(await hosts.latest(), undefined);
  assert.equal((await hosts.second.side.status()).role, "backup");
});
