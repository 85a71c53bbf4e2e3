import assert from "node:assert/strict";
import { ExitCode } from "../base/errors.ts";
import { LedgerChecker } from "../demo/ledger_checker.ts";
import { Pair } from "../demo/pair_processes.ts";
import { Hosts, PATIENT_MS, SILENCE_MS } from "./support/pair_hosts.ts";
import { within } from "./support/pair_watch.ts";
import { chooseSeed, Random } from "./support/random.ts";

const seed = chooseSeed("pause_test");
const PAUSES = 2;
const CLOSE_CALLS = 3;

Deno.test(`a primary that was stopped for too long finds that it has lost, and halts, ${PAUSES} times`, async () => {
  await using hosts = await Hosts.start(SILENCE_MS);
  for (let pause = 0; pause < PAUSES; pause++) {
    await hosts.watch.progress();
    assert.equal(await hosts.pausePrimary(), "the primary lost");
  }
  await hosts.finish();
});

Deno.test("a backup that was stopped for too long finds that it has lost, and halts", async () => {
  await using hosts = await Hosts.start(SILENCE_MS);
  await hosts.watch.progress();
  await hosts.pauseBackup();
  assert.equal((await hosts.finish()).connections, 1, "the console stayed where it was");
});

Deno.test(`one side is live after a pause about as long as the timeout, ${CLOSE_CALLS} times`, async () => {
  const random = new Random(seed);
  await using hosts = await Hosts.start(SILENCE_MS);
  for (let pause = 0; pause < CLOSE_CALLS; pause++) {
    await hosts.watch.progress();
    await hosts.pausePrimary(SILENCE_MS * (0.7 + random.below(60) / 100));
  }
  await hosts.finish();
});

Deno.test("what a stopped primary still writes when it wakes changes nothing that was seen", async () => {
  const path = await Deno.makeTempFile({ prefix: "understudy-console-" });
  try {
    const args = ["--console", `file:${path}`];
    const timeout = ["--timeout", `${SILENCE_MS}ms`];
    await using pair = await Pair.start({
      primary: { args: [...args, ...timeout] },
      backup: { args },
    });
    const { primary, backup } = pair;
    await backup.saying(/protected: this side may take over/);
    await lines(path, 10);
    primary.pause();
    await backup.live(2);
    const shown = await lines(path, 30);
    primary.resume();
    assert.equal((await within(primary.exited, () => primary.text)).code, ExitCode.lost);
    await backup.stop();
    assert.equal((await within(backup.exited, () => backup.text)).code, ExitCode.ok);

    const bytes = await Deno.readFile(path);
    assert.deepEqual(bytes.subarray(0, shown.length), shown);
    const checker = new LedgerChecker();
    checker.write(bytes);
    assert.deepEqual(checker.verdict({ ended: false }).faults, []);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a primary that is started again after a takeover is told where the machine reigns", async () => {
  await using hosts = await Hosts.start(PATIENT_MS);
  await hosts.pair.primary.kill();
  await hosts.primaryDied();
  const [, address] = await hosts.reigning.saying(/a backup can join at (\S+)/);
  const again = hosts.pair.startPrimary();
  const { code } = await within(again.exited, () => again.text);
  assert.equal(code, ExitCode.reigns, again.text);
  assert.match(again.text, /already reigns: generation 2, second at/);
  assert.ok(again.text.includes(`understudy backup --primary ${address} `), again.text);
  await hosts.watch.progress();
  await hosts.replace();
  await hosts.finish();
});

/** The file's bytes, as soon as it has so many lines. */
async function lines(path: string, count: number): Promise<Uint8Array> {
  const poll = async () => {
    for (;;) {
      const bytes = await Deno.readFile(path);
      if (bytes.filter((byte) => byte === 10).length >= count) return bytes;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return await within(poll(), () => `${count} lines in ${path}`);
}
