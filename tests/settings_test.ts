/**
 * How a machine is protected changes while it runs, with real processes: nothing is lost by that, and the backup
 * reigns by it.
 */
import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { Hosts, PATIENT_MS } from "./support/pair_hosts.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { rogueRequest } from "./support/rogue.ts";
import { runCommand } from "./support/run_command.ts";
import { SpinWatch } from "./support/spin_watch.ts";
import { Watch } from "./support/pair_watch.ts";

const seed = chooseSeed("settings_test");
const random = new Random(seed);
const CHANGES = 6;
const KILLS = 3;

Deno.test("the mode changes to and fro under load, and nothing is lost when the primary dies after it", async () => {
  await using hosts = await Hosts.start(PATIENT_MS);
  for (let change = 0; change < CHANGES; change++) {
    const mode = change % 2 === 0 ? "checkpoint" : "replay";
    const { ok, text } = await hosts.reigning.set({ mode, epoch: `${5 + random.below(20)}ms` });
    assert.ok(ok, text);
    await hosts.watch.progress(1 + random.below(20));
    if (change % 3 !== 2) continue;
    await hosts.killPrimary();
    const { checkpointing, protection } = await hosts.reigning.status();
    assert.deepEqual([checkpointing, protection], [mode === "checkpoint", mode]);
  }
  await hosts.watch.progress(5);
  assert.equal((await hosts.reigning.status()).divergences, 0, hosts.reigning.text);
  await hosts.finish();
});

Deno.test("the mode changes while a guest computes without exits", async () => {
  const commandLine = `seed=${seed} working-set=256K steps=20000 seconds=100000`;
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "spin", commandLine },
    (pair) => new SpinWatch(pair.consoles),
  );
  for (const mode of ["checkpoint", "auto", "checkpoint", "replay"]) {
    await hosts.watch.progress(2);
    assert.ok((await hosts.reigning.set({ mode, slice: "10ms" })).ok);
  }
  await hosts.watch.progress(2);
  await hosts.killPrimary();
  await hosts.watch.progress(2);
  await hosts.finish();
});

Deno.test(`a guest that no log can hold is healed, then protected by states, and loses nothing that was seen in ${KILLS} kills`, async () => {
  const args = ["--mode", "auto", "--commit", "replayed", "--divergence-max", "2"];
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "rogue", primary: { args } },
    (pair) => new Watch(pair.consoles, { request: rogueRequest }),
  );
  const { reigning } = hosts;
  const { divergences } = await reigning.having(
    ({ checkpointing }) => checkpointing === true,
    "states",
  );
  assert.equal(divergences, 3);
  assert.match(reigning.text, /from now on a backup takes states, after more than 2 divergences/);
  for (let kill = 0; kill < KILLS; kill++) {
    await hosts.following.protected();
    await hosts.watch.progress(1 + random.below(30));
    await hosts.killPrimary();
  }
  assert.equal((await hosts.reigning.status()).divergences, 0);
  await hosts.finish();
});

Deno.test("what can't be set is refused with what can", async () => {
  await using hosts = await Hosts.start(PATIENT_MS);
  const [, url] = hosts.reigning.text.match(/status at http:\/\/(\S+)\/status/)!;
  const set = (...changes: string[]) => runCommand(["set", url!, ...changes]);
  const wrong: [change: string, why: RegExp][] = [
    ["mode=often", /mode=often: expected auto, replay, checkpoint/],
    ["slice=0ms", /slice=0ms: expected a duration/],
    ["slice=1h", /slice=1h: expected a duration/],
    ["epoch=60s", /--epoch 60000ms: expected at most/],
    ["lag-max=1ms", /--lag-max 1ms: expected off, or/],
    ["timeout=1s", /timeout can't be set: expected mode, slice, epoch, lag-max/],
  ];
  for (const [change, why] of wrong) {
    const { code, stdout, stderr } = await set(change);
    assert.equal(code, ExitCode.failed, change);
    assert.match(stdout + stderr, why);
  }
  assert.equal((await set("mode")).code, ExitCode.usage);
  const { code, stdout } = await set("lag-max=off", "mode=checkpoint", "epoch=20ms");
  assert.equal(code, ExitCode.ok);
  assert.equal(stdout, "mode=checkpoint slice=20ms epoch=20ms lag-max=off\n");
  const refused = await hosts.following.set({ mode: "replay" });
  assert.deepEqual([refused.ok, refused.text], [
    false,
    "this side is a backup: ask its primary\n",
  ]);
  await hosts.finish();
});
