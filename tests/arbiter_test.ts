import assert from "node:assert/strict";
import type { SideProcess } from "../demo/pair_processes.ts";
import { Hosts } from "./support/pair_hosts.ts";

/** How an arbiter's directory can be out of reach; each returns what brings it back. */
const TROUBLES: Readonly<Record<string, (directory: string) => Promise<() => Promise<void>>>> = {
  "is not there": async (directory) => {
    await Deno.rename(directory, `${directory}.away`);
    return () => Deno.rename(`${directory}.away`, directory);
  },
  "is empty: it came off, and left its mount point": async (directory) => {
    await Deno.rename(directory, `${directory}.away`);
    await Deno.mkdir(directory);
    return async () => {
      await Deno.remove(directory);
      await Deno.rename(`${directory}.away`, directory);
    };
  },
  "is a file": async (directory) => {
    await Deno.rename(directory, `${directory}.away`);
    await Deno.writeTextFile(directory, "");
    return async () => {
      await Deno.remove(directory);
      await Deno.rename(`${directory}.away`, directory);
    };
  },
};

const BACKUP_WAITS = /backup: does not go on: the arbiter is out of reach: (.*)/g;
const PRIMARY_WAITS = /outputs stay held: the arbiter is out of reach: (.*)/g;

for (const [trouble, begin] of Object.entries(TROUBLES)) {
  Deno.test(`while the arbiter's directory ${trouble}, a backup does not take over; then it does`, async () => {
    await using hosts = await Hosts.start();
    await hosts.watch.progress();
    const end = await begin(directoryOf(hosts));
    const { reigning, following, watch } = hosts;
    await reigning.kill();
    await repeatedly(following, BACKUP_WAITS);
    const shown = watch.bytes;
    await repeatedly(following, BACKUP_WAITS);
    assert.equal(watch.bytes, shown, "output came though nobody may go on");
    assert.equal((await following.status()).role, "backup");
    await end();
    await hosts.primaryDied();
    await hosts.replace();
    await hosts.finish();
  });

  Deno.test(`while the arbiter's directory ${trouble}, a primary without its backup holds its outputs; then it goes on`, async () => {
    await using hosts = await Hosts.start();
    await hosts.watch.progress();
    const end = await begin(directoryOf(hosts));
    const { reigning, following, watch } = hosts;
    await following.kill();
    await repeatedly(reigning, PRIMARY_WAITS);
    const [before, shown] = [await reigning.status(), watch.bytes];
    await repeatedly(reigning, PRIMARY_WAITS);
    const after = await reigning.status();
    assert.equal(watch.bytes, shown, "output came though nobody may go on");
    assert.deepEqual([after.mode, after.outputs.performed], ["claiming", before.outputs.performed]);
    assert.ok(after.point! > before.point!, "the guest stood still");
    await end();
    await reigning.live(++hosts.generation);
    await watch.progress();
    await hosts.replace();
    await hosts.finish();
  });
}

Deno.test("two sides that lost each other and the arbiter both wait, and one of them goes on when it is back", async () => {
  await using hosts = await Hosts.start();
  await hosts.watch.progress();
  const end = await TROUBLES["is not there"]!(directoryOf(hosts));
  const { reigning, following, watch } = hosts;
  reigning.pause();
  await repeatedly(following, BACKUP_WAITS);
  reigning.resume();
  await repeatedly(reigning, PRIMARY_WAITS);
  const shown = watch.bytes;
  await Promise.all([repeatedly(following, BACKUP_WAITS), repeatedly(reigning, PRIMARY_WAITS)]);
  assert.equal(watch.bytes, shown, "output came though nobody may go on");
  await end();
  await hosts.settle();
  await hosts.finish();
});

Deno.test("while the arbiter is out of reach, the machine is not handed over", async () => {
  await using hosts = await Hosts.start();
  await hosts.watch.progress();
  const end = await TROUBLES["is not there"]!(directoryOf(hosts));
  assert.ok(await hosts.reigning.handover());
  await hosts.reigning.saying(/no handover: the arbiter is out of reach/);
  await hosts.watch.progress();
  await end();
  await hosts.handOver();
  assert.equal((await hosts.finish()).duplicateBytes, 0);
});

function directoryOf({ pair }: Hosts): string {
  return `${pair.directory}/arbiter`;
}

/** Waits until a side has said three more times why it waits. */
async function repeatedly(side: SideProcess, pattern: RegExp): Promise<void> {
  const count = () => [...side.text.matchAll(pattern)].length;
  const goal = count() + 3;
  await side.until(() => count() >= goal ? true : undefined, `${goal} times ${pattern}`);
}
