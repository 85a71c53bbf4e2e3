import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { Pair, type SideProcess } from "../demo/pair_processes.ts";
import { claimRetryMs } from "../primary/start.ts";
import { Hosts, PATIENT_MS, SILENCE_MS } from "./support/pair_hosts.ts";
import { Watch } from "./support/pair_watch.ts";
import { ScratchDirectory } from "./support/run_command.ts";

/** How an arbiter's directory can be out of reach. What is returned brings it back when it is disposed of. */
const TROUBLES = {
  "is not there": async (directory) => {
    await Deno.rename(directory, `${directory}.away`);
    return undoing(() => Deno.rename(`${directory}.away`, directory));
  },
  // As when a network directory has come off, and has left its mount point.
  "is empty": async (directory) => {
    await Deno.rename(directory, `${directory}.away`);
    await Deno.mkdir(directory);
    return undoing(async () => {
      await Deno.remove(directory);
      await Deno.rename(`${directory}.away`, directory);
    });
  },
  "is a file": async (directory) => {
    await Deno.rename(directory, `${directory}.away`);
    await Deno.writeTextFile(directory, "");
    return undoing(async () => {
      await Deno.remove(directory);
      await Deno.rename(`${directory}.away`, directory);
    });
  },
  "can't be written": async (directory) => {
    await run("mount", "--bind", "-o", "ro", directory, directory);
    return undoing(() => run("umount", "--lazy", directory));
  },
} satisfies Record<string, (directory: string) => Promise<AsyncDisposableStack>>;

function undoing(undo: () => Promise<void>): AsyncDisposableStack {
  const stack = new AsyncDisposableStack();
  stack.defer(undo);
  return stack;
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

const BACKUP_WAITS = /backup: does not go on: the arbiter is out of reach: arbiter file:.+; .+/;
const PRIMARY_WAITS = /outputs stay held: the arbiter is out of reach: arbiter file:.+; .+/;

for (const [trouble, begin] of Object.entries(TROUBLES)) {
  Deno.test(`while the arbiter's directory ${trouble}, a backup does not take over; then it does`, async () => {
    await using hosts = await Hosts.start(PATIENT_MS);
    await hosts.watch.progress();
    await using away = await begin(directoryOf(hosts));
    const { reigning, following, watch } = hosts;
    await reigning.kill();
    await waits(following, BACKUP_WAITS);
    const shown = watch.bytes;
    await waits(following, BACKUP_WAITS);
    assert.equal(watch.bytes, shown, "output came though nobody may go on");
    assert.equal((await following.status()).role, "backup");
    await away.disposeAsync();
    await hosts.primaryDied();
    await hosts.replace();
    await hosts.finish();
  });

  Deno.test(`while the arbiter's directory ${trouble}, a primary without its backup holds its outputs; then it goes on`, async () => {
    await using hosts = await Hosts.start(PATIENT_MS);
    await hosts.watch.progress();
    await using away = await begin(directoryOf(hosts));
    const { reigning, following, watch } = hosts;
    await following.kill();
    await waits(reigning, PRIMARY_WAITS);
    const [before, shown] = [await reigning.status(), watch.bytes];
    await waits(reigning, PRIMARY_WAITS);
    const after = await reigning.status();
    assert.equal(watch.bytes, shown, "output came though nobody may go on");
    assert.deepEqual([after.mode, after.outputs.performed], ["claiming", before.outputs.performed]);
    assert.ok(after.point! > before.point!, "the guest stood still");
    await away.disposeAsync();
    await reigning.live(++hosts.generation);
    await watch.progress();
    await hosts.replace();
    await hosts.finish();
  });
}

Deno.test("two sides that lost each other and the arbiter both wait, and one of them goes on when it is back", async () => {
  await using hosts = await Hosts.start(SILENCE_MS);
  await hosts.watch.progress();
  await using away = await TROUBLES["is not there"](directoryOf(hosts));
  const { reigning, following, watch } = hosts;
  reigning.pause();
  await waits(following, BACKUP_WAITS);
  reigning.resume();
  await waits(reigning, PRIMARY_WAITS);
  const shown = watch.bytes;
  await Promise.all([waits(following, BACKUP_WAITS), waits(reigning, PRIMARY_WAITS)]);
  assert.equal(watch.bytes, shown, "output came though nobody may go on");
  await away.disposeAsync();
  await hosts.settle();
  await hosts.finish();
});

Deno.test("whoever watches a primary that lost its backup and the arbiter finds the side that goes on", async () => {
  using scratch = new ScratchDirectory();
  const [directory, itsWay] = [scratch.file("arbiter"), scratch.file("way")];
  await Deno.mkdir(directory);
  await Deno.symlink(directory, itsWay);
  const timeout = ["--timeout", `${SILENCE_MS}ms`];
  await using pair = Pair.start({
    arbiter: `file:${directory}`,
    primary: { args: ["--arbiter", `file:${itsWay}`, ...timeout] },
  });
  const { primary, backup } = pair;
  await backup.saying(/protected: this side may take over/);
  await using watch = new Watch(pair.consoles);
  await watch.progress();
  await Deno.remove(itsWay);
  primary.pause();
  await backup.live(2);
  primary.resume();
  await primary.saying(PRIMARY_WAITS);
  await watch.progress();
  assert.equal(primary.ending, undefined, primary.text);
  await Deno.symlink(directory, itsWay);
  assert.equal((await primary.exited).code, ExitCode.lost, primary.text);
  await watch.finish();
});

for (const trouble of ["is not there", "can't be written"] as const) {
  Deno.test(`while the arbiter's directory ${trouble}, the primary keeps the machine that it was to hand over`, async () => {
    await using hosts = await Hosts.start(PATIENT_MS);
    await hosts.watch.progress();
    await using away = await TROUBLES[trouble](directoryOf(hosts));
    assert.ok(await hosts.reigning.handover());
    await hosts.reigning.saying(/no handover: the arbiter is out of reach/);
    await hosts.watch.progress();
    await away.disposeAsync();
    await hosts.handOver();
    assert.equal((await hosts.finish()).duplicateBytes, 0);
  });
}

function directoryOf({ pair }: Hosts): string {
  return `${pair.directory}/arbiter`;
}

/** Waits until a side has said why it waits, and has had the time to try again a few times. */
async function waits(side: SideProcess, reason: RegExp): Promise<void> {
  await side.saying(reason);
  await new Promise((resolve) => setTimeout(resolve, 3 * claimRetryMs));
}
