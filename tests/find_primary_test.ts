/**
 * `understudy backup --primary arbiter`: real processes, and registers of all kinds.
 */
import assert from "node:assert/strict";
import { formatRegister } from "../arbiter/arbiter.ts";
import { register } from "../arbiter/contract_test_support.ts";
import { ExitCode } from "../base/errors.ts";
import { Pair, type PairSideOptions } from "../demo/pair_processes.ts";
import { SideProcess } from "../demo/side_process.ts";
import { PATIENT_MS } from "./support/pair_hosts.ts";
import { Watch, within } from "./support/pair_watch.ts";
import { ScratchDirectory } from "./support/run_command.ts";

/** Options that come later win: whoever is started with these asks the arbiter. */
const ASKING: PairSideOptions = { args: ["--primary", "arbiter", "--id", "ledger"] };

/** A backup that finds its primary by the arbiter in this directory. */
function asking(scratch: ScratchDirectory, ...args: string[]): SideProcess {
  const arbiter = `file:${scratch.path}`;
  const rest = ["--listen", "127.0.0.1:0", "--console", "none", "--status", "127.0.0.1:0"];
  const all = ["backup", ...ASKING.args!, "--arbiter", arbiter, ...rest, ...args];
  return new SideProcess("backup", all);
}

function plant(scratch: ScratchDirectory, generation: number, fields: object): void {
  const text = formatRegister({ ...register(generation, "x", fields), machineId: "ledger" });
  Deno.writeTextFileSync(scratch.file(`ledger.${generation}.json`), text);
}

Deno.test("a backup finds its primary by the arbiter, and finds the next one after each takeover", async () => {
  const primary = { args: ["--timeout", `${PATIENT_MS}ms`] };
  await using pair = Pair.start({ primary, backup: ASKING });
  await using watch = new Watch(pair.consoles);
  let reigning = pair.primary;
  let following = pair.backup;
  for (let generation = 2; generation <= 4; generation++) {
    await following.protected();
    await watch.progress();
    await reigning.kill();
    await following.live(generation);
    await watch.progress();
    reigning = following;
    following = pair.startBackup(ASKING, generation % 2 === 0 ? "backup" : "primary");
  }
  await following.protected();
  await watch.finish();
  for (const side of [reigning, following]) {
    const { code } = await within(side.exited, () => side.text);
    assert.equal(code, ExitCode.ok, side.text);
  }
});

Deno.test("while nobody reigns a backup says so and waits, and joins whoever comes", async () => {
  using scratch = new ScratchDirectory();
  await using backup = asking(scratch);
  await backup.saying(/backup: ledger has never reigned; waits for a primary\n/);
  plant(scratch, 1, { ended: true });
  await backup.saying(/backup: ledger does not reign: its guest has ended; waits for a primary\n/);
  const args = ["primary", "ledger", "--listen", "127.0.0.1:0", "--console", "none"];
  await using primary = new SideProcess("primary", [...args, "--arbiter", `file:${scratch.path}`]);
  await primary.saying(/generation 2; a backup can join/);
  await backup.protected();
  primary.signal("SIGINT");
  await backup.live(3);
});

Deno.test("a backup that asks says why it can't join, and ends with the guest that it has seen reign", async () => {
  using scratch = new ScratchDirectory();
  plant(scratch, 1, { who: "one", address: "" });
  await using backup = asking(scratch);
  await backup.saying(/generation 1 of ledger, one, can't be joined: it was started without --li/);
  plant(scratch, 2, { who: "two", address: "127.0.0.1:1" });
  await backup.saying(/no connection to 127.0.0.1:1: .*2 of ledger, two at 127.0.0.1:1, reigns: w/);
  await Deno.rename(scratch.path, `${scratch.path}.away`);
  await backup.saying(/the arbiter is out of reach: .*\n/);
  await Deno.rename(`${scratch.path}.away`, scratch.path);
  plant(scratch, 3, { who: "three", address: "127.0.0.1:1", ended: true });
  const { code } = await within(backup.exited, () => backup.text);
  assert.equal(code, ExitCode.ok);
  assert.match(backup.text, /the guest has ended, says the register of three at 127.0.0.1:1/);
});

Deno.test("a register that is damaged, or says no address, ends a backup that asks with code 65", async () => {
  for (
    const [alter, message] of [
      [(text: string) => text.slice(1), /register .*ledger.1.json: not a JSON object/],
      [
        (text: string) => text.replace("192.0.2.1:7", "nowhere"),
        /1: address "nowhere": expected HO/,
      ],
    ] as const
  ) {
    using scratch = new ScratchDirectory();
    plant(scratch, 1, {});
    const path = scratch.file("ledger.1.json");
    Deno.writeTextFileSync(path, alter(Deno.readTextFileSync(path)));
    await using backup = asking(scratch);
    const { code } = await within(backup.exited, () => backup.text);
    assert.match(backup.text, message);
    assert.equal(code, ExitCode.peer, backup.text);
  }
});

Deno.test("a register says the address to advertise, if one is given", async () => {
  using scratch = new ScratchDirectory();
  const advertise = ["--advertise", "localhost:7000"];
  const args = ["primary", "ledger", "--listen", "127.0.0.1:0", "--console", "none", ...advertise];
  await using primary = new SideProcess("primary", [...args, "--arbiter", `file:${scratch.path}`]);
  await primary.saying(/a backup can join/);
  const { address } = JSON.parse(Deno.readTextFileSync(scratch.file("ledger.1.json")));
  assert.equal(address, "localhost:7000");
});
