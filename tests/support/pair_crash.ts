/**
 * One kill of a fresh primary at a named step of the commit protocol, and what it came to.
 *
 * Called by takeover_test.ts and its campaign.
 */
import assert from "node:assert/strict";
import { LedgerChecker } from "../../demo/ledger_checker.ts";
import { freePort, Pair, type PairSideOptions } from "../../demo/pair_processes.ts";
import { Hosts, PATIENT_MS } from "./pair_hosts.ts";
import { join, type Joined, RawReader } from "./pair_raw.ts";
import { type CrashFrom, type CrashPointName, CrashVariable } from "./pair_steps.ts";
import { type Seen, within } from "./pair_watch.ts";

/** How a primary is started that kills itself at the `count`-th occurrence of a step. */
function crashing(
  point: CrashPointName,
  count: number,
  from: CrashFrom,
  settledMs: number,
): PairSideOptions {
  return {
    entry: new URL("../crash_points.ts", import.meta.url),
    env: {
      [CrashVariable.point]: point,
      [CrashVariable.count]: `${count}`,
      [CrashVariable.from]: from,
      [CrashVariable.settledMs]: `${settledMs}`,
    },
  };
}

/** Under load, with a framed console: every byte is shown once, none is missing. */
export async function crashUnderLoad(point: CrashPointName, count: number): Promise<Seen> {
  await using hosts = await Hosts.start(PATIENT_MS, crashing(point, count, "protection", 0));
  await hosts.primaryDied();
  assert.match(hosts.pair.primary.text, new RegExp(`crash point: ${point}`));
  return await hosts.finish();
}

/**
 * With raw consoles, and some time since the last notice, so that no notice but this output's can be on
 * its way: shows which outputs are performed twice.
 */
export async function crashSeenRaw(point: CrashPointName, count: number): Promise<Joined> {
  const ports = [freePort(), freePort()] as const;
  const [primary, backup] = ports.map((port) => ["--console", `tcp:127.0.0.1:${port}`]);
  await using pair = await Pair.start({
    primary: {
      ...crashing(point, count, "signal", SETTLED_MS),
      args: ["--timeout", `${PATIENT_MS}ms`, ...primary!],
    },
    backup: { args: backup! },
  });
  await using first = await RawReader.connect(pair.primary, ports[0]);
  await using second = await RawReader.connect(pair.backup, ports[1]);
  await pair.backup.saying(/protected: this side may take over/);
  pair.primary.signal("SIGUSR1");
  const { signal } = await within(pair.primary.exited, () => `its death: ${pair.primary.text}`);
  assert.equal(signal, "SIGKILL", pair.primary.text);
  await pair.backup.live(2);
  await second.write("#1 add 5\n#2 quit\n");
  await within(second.ended, () => `the end of the output: ${pair.backup.text}`);
  const joined = join(first.bytes, second.bytes);
  const checker = new LedgerChecker();
  checker.write(joined.bytes);
  assert.deepEqual(checker.verdict({ requests: 2 }).faults, []);
  return joined;
}

/** A notice that is so old has arrived: a hundred times what it takes on this host. */
const SETTLED_MS = 20;
