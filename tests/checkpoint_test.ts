import assert from "node:assert/strict";
import { checkExact } from "./support/exactness.ts";
import { Hosts, PATIENT_MS } from "./support/pair_hosts.ts";
import { Watch } from "./support/pair_watch.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { rogueRequest } from "./support/rogue.ts";
import { SpinWatch } from "./support/spin_watch.ts";

const seed = chooseSeed("checkpoint_test");
const KILLS = 3;
const random = new Random(seed);
const CHECKPOINTING = { args: ["--mode", "checkpoint"] };

Deno.test(`a log of states leads to the same outputs, digests and end as the run (seed ${seed})`, async () => {
  let left = "#1 tsc\n#2 add 5\n#3 random\n#4 tscp\n#5 tsc\n#6 get\n#7 quit\n";
  const checked = await checkExact({
    guest: "rogue",
    verify: 50,
    epochLengthMs: 1 + random.below(20),
    input: (output) => {
      if (!output.includes(" boot ")) return undefined;
      const line = left.slice(0, left.indexOf("\n") + 1);
      left = left.slice(line.length);
      return line === "" ? undefined : line;
    },
  });
  assert.ok(checked.digests > 2, `${checked.digests} digests`);
});

Deno.test(`the same of a guest that computes without exits (seed ${seed})`, async () => {
  const checked = await checkExact({
    guest: "spin",
    commandLine: `seed=${seed} working-set=1M steps=${20_000 + random.below(30_000)} rounds=2000`,
    verify: 20,
    sliceMs: 5,
    epochLengthMs: 5,
    input: (output) => output.split("\n").length < 10 ? "?\n" : undefined,
  });
  assert.ok(checked.forcedPoints > 0);
  assert.ok(checked.digests > 2, `${checked.digests} digests`);
});

Deno.test(`nothing is lost when the primary of a guest that asks its processor is killed, ${KILLS} times`, async () => {
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "rogue", primary: CHECKPOINTING },
    (pair) => new Watch(pair.consoles, { request: rogueRequest }),
  );
  for (let kill = 0; kill < KILLS; kill++) {
    await hosts.watch.progress(1 + random.below(50));
    await hosts.killPrimary();
  }
  console.log(await hosts.finish());
});

Deno.test("checkpointing, a guest that computes is taken over and handed over without a word lost", async () => {
  const commandLine = `seed=${seed} working-set=256K steps=20000 seconds=100000`;
  await using hosts = await Hosts.watched(
    PATIENT_MS,
    { guest: "spin", commandLine, primary: CHECKPOINTING },
    (pair) => new SpinWatch(pair.consoles),
  );
  await hosts.watch.progress(2);
  await hosts.killPrimary();
  await hosts.watch.progress(2);
  const { duplicateBytes } = hosts.watch;
  await hosts.handOver();
  assert.equal((await hosts.finish()).duplicateBytes, duplicateBytes);
});
