/**
 * kill -9 of a primary at every moment of a healing, with `--commit replayed`: before the state is whole in the log
 * the backup claims nothing, and nothing more has been seen; once it has replayed it, it goes on without a gap.
 */
import assert from "node:assert/strict";
import { SideProcess } from "../demo/side_process.ts";
import { AlteringRelay } from "./support/altering_relay.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("healing_crash_test");
const PATIENCE = ["--timeout", "20s", "--lag-max", "20s"];

/** A pair of processes whose log is altered until the primary has died at this moment. */
async function crashAt(moment: string, scratch: ScratchDirectory) {
  await using relay = new AlteringRelay(new Random(seed));
  const arbiter = ["--arbiter", `file:${scratch.file("arbiter")}`];
  const primary = new SideProcess("primary", [
    ...["primary", "stress", "--cmdline", `${seed} 300`, "--listen", "127.0.0.1:0", ...arbiter],
    ...["--console", `file:${scratch.file("first")}`, "--require-backup", ...PATIENCE],
    ...["--commit", "replayed", "--verify", "1000", "--status", "127.0.0.1:0"],
  ], {
    entry: new URL("./healing_crash_points.ts", import.meta.url),
    env: { HEALING_CRASH: moment },
  });
  await using _primary = primary;
  const address = (await primary.saying(/can join at (\S+)/))[1]!;
  relay.leadTo(address);
  await using backup = new SideProcess("backup", [
    ...["backup", "--primary", relay.address, ...arbiter, "--reports", scratch.file("reports")],
    ...["--console", `file:${scratch.file("second")}`, "--status", "127.0.0.1:0"],
  ]);
  await backup.saying(/this side may take over/);
  const alter = setInterval(() => {
    if (relay.divergences === 0) relay.alterNext();
  }, 20);
  const { signal } = await primary.exited;
  clearInterval(alter);
  assert.equal(signal, "SIGKILL", `${primary.text}\n${backup.text}`);
  assert.match(primary.text, new RegExp(`crash point: ${moment}`));
  assert.doesNotMatch(primary.text, /PERFORMED WHILE HEALING/);
  await backup.saying(/joins anew|goes live/);
  const hasClaimed = !/joins anew/.test(backup.text);
  if (hasClaimed) await backup.exited;
  const registers = [...Deno.readDirSync(scratch.file("arbiter"))].map(({ name }) => name);
  return { text: [...relay.altered, backup.text].join("\n"), hasClaimed, registers };
}

const NO_CLAIM = [
  "divergence not taken in",
  "divergence taken in",
  "state asked for",
  "state half sent",
];

for (const moment of NO_CLAIM) {
  Deno.test(`killed at "${moment}", it leaves a backup that claims nothing and says why`, async () => {
    using scratch = new ScratchDirectory();
    const { text, hasClaimed, registers } = await crashAt(moment, scratch);
    assert.equal(hasClaimed, false, text);
    assert.match(text, /may not take over until it has the machine's state anew/);
    assert.equal(registers.filter((name) => /2/.test(name)).length, 0, `${registers}`);
    // What was seen was replayed equal before: the backup's copy is the same as far as notices came.
    const [first, second] = [scratch.file("first"), scratch.file("second")]
      .map((path) => Deno.readTextFileSync(path));
    assert.ok(first!.startsWith(second!), `${first}\n---\n${second}`);
  });
}

for (const moment of ["state acknowledged", "before the first output", "after the first output"]) {
  Deno.test(`killed at "${moment}", it is taken over, and no output that was seen is missing`, async () => {
    using scratch = new ScratchDirectory();
    const { text, hasClaimed } = await crashAt(moment, scratch);
    assert.equal(hasClaimed, true, text);
    assert.match(text, /won generation 2: goes live/);
    const [first, second] = [scratch.file("first"), scratch.file("second")]
      .map((path) => Deno.readTextFileSync(path));
    assert.match(second!, /^stress[^\0]*^done\n$/m, text);
    assert.ok(second!.startsWith(first!), `${first}\n---\n${second}`);
  });
}
