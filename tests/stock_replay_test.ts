/**
 * What a stock KVM host can do, and replay between kinds of host: what one records the other replays. One boot,
 * several steps. The campaigns stock_hosts.ts and mixed.ts do more of it.
 */
import assert from "node:assert/strict";
import { replayFile } from "../backup/replay_file.ts";
import { hostKind } from "../machine/host_kind.ts";
import { StockHost } from "../scripts/stock_kvm/host.ts";
import { bootFiles, openCache } from "../scripts/stock_kvm/layers.ts";
import { silentProgress } from "../scripts/stock_kvm/progress.ts";
import { logFileOf, recordGuest } from "./support/record.ts";
import { ScratchDirectory } from "./support/run_command.ts";

/** Every device and every source of interrupts, in two orders of them. */
const STRESS = "1 2";
/** What only such a host can do, by the doctor's names for it. */
const ABILITIES = ["RDTSC in ring 3", "SYSCALL", "single step", "ports in ring 3"];

Deno.test("a stock host can what the doctor says, replays what this one records, and the other way round", async (t) => {
  const { signal } = new AbortController();
  const boot = await bootFiles({ cache: openCache(), progress: silentProgress, signal });
  await using host = await StockHost.start({ boot, cpus: 1 });
  using scratch = new ScratchDirectory();
  let comparison = "all";

  await t.step("the doctor finds there what a stock KVM can do", async () => {
    const { checks } = JSON.parse(await host.output(["./understudy", "doctor", "--json"]));
    const check = (name: string) => checks.find((check: { name: string }) => check.name === name);
    for (const name of ABILITIES) {
      assert.equal(check(name).status, "good", `${name}: ${check(name).finding}`);
    }
    if (parseInt(check("kind of host").finding, 16) !== hostKind()) comparison = "portable";
  });

  await t.step("a log of this machine is replayed there", async () => {
    const recording = await recordGuest({
      guest: "stress",
      commandLine: STRESS,
      verify: 200,
      memoryBytes: 8 << 20,
    });
    const log = new Uint8Array(await logFileOf(recording).arrayBuffer());
    const writing = host.run(["sh", "-c", "cat >here.log"]);
    await writing.write(log);
    await writing.closeInput();
    assert.equal((await writing.exited).code, 0, writing.errors);
    const replayed = JSON.parse(
      await host.output(["./understudy", "replay", "here.log", "--json"]),
    );
    assert.deepEqual(
      [replayed.points, replayed.end.code, replayed.cutBytes, replayed.comparison],
      [recording.points, 0, 0, comparison],
    );
    assert.ok(replayed.digests > 3, `${replayed.digests} digests`);
  });

  await t.step("a log of that host is replayed on this machine", async () => {
    const record = ["--record", "there.log", "--console", "none"];
    await host.output(["./understudy", "run", "stress", "--cmdline", STRESS, ...record]);
    const path = scratch.file("there.log");
    const file = await Deno.open(path, { write: true, create: true });
    const reading = host.run(["cat", "there.log"], {
      onOutput: async (bytes) => void await file.write(bytes),
    });
    assert.equal((await reading.exited).code, 0, reading.errors);
    file.close();
    const replayed = replayFile(path, () => {});
    assert.deepEqual([replayed.end?.code, replayed.cutBytes, replayed.comparison], [
      0,
      0,
      comparison,
    ]);
    assert.ok(replayed.digests > 0);
  });
});
