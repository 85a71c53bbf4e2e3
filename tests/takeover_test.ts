import assert from "node:assert/strict";
import { crashSeenRaw, crashUnderLoad } from "./support/pair_crash.ts";
import { Hosts, PATIENT_MS } from "./support/pair_hosts.ts";
import { CRASH_POINT_NAMES, CRASH_POINTS, type CrashPoint } from "./support/pair_steps.ts";
import { chooseSeed, Random } from "./support/random.ts";

const seed = chooseSeed("takeover_test");
const KILLS = 6;
const BACKUP_KILLS = 3;
const HANDOVERS = 3;

Deno.test(`nothing is lost when the primary is killed at random moments, ${KILLS} times`, async () => {
  const random = new Random(seed);
  await using hosts = await Hosts.start(PATIENT_MS);
  for (let kill = 0; kill < KILLS; kill++) {
    await hosts.watch.progress(1 + random.below(50));
    await hosts.killPrimary();
  }
  console.log(await hosts.finish());
});

Deno.test(`nothing is lost when the backup is killed at random moments, ${BACKUP_KILLS} times`, async () => {
  const random = new Random(seed);
  await using hosts = await Hosts.start(PATIENT_MS);
  for (let kill = 0; kill < BACKUP_KILLS; kill++) {
    await hosts.watch.progress(1 + random.below(50));
    await hosts.killBackup();
  }
  const { connections, duplicateBytes } = await hosts.finish();
  assert.equal(connections, 1, "the console stayed where it was");
  assert.equal(duplicateBytes, 0);
});

Deno.test(`nothing is seen twice when the machine is handed over under load, ${HANDOVERS} times`, async () => {
  const random = new Random(seed);
  await using hosts = await Hosts.start(PATIENT_MS);
  for (let handover = 0; handover < HANDOVERS; handover++) {
    await hosts.watch.progress(1 + random.below(50));
    await hosts.handOver();
  }
  assert.equal((await hosts.finish()).duplicateBytes, 0);
});

for (const point of CRASH_POINT_NAMES) {
  const { repeats }: CrashPoint = CRASH_POINTS[point];

  Deno.test(`nothing is lost when the primary dies ${point}`, async () => {
    await crashUnderLoad(point, 1 + new Random(seed).below(40));
  });

  Deno.test(`${repeats ? "one output" : "nothing"} is performed twice when the primary dies ${point}`, async () => {
    const joined = await crashSeenRaw(point, 1 + new Random(seed).below(5));
    if (repeats) {
      assert.ok(joined.repeatedBytes > 0 && joined.repeatedLines <= 1, JSON.stringify(joined));
    } else assert.equal(joined.repeatedBytes, 0);
  });
}
