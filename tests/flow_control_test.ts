/**
 * Flow control, with real processes: a backup or a link that is too slow slows the guest, and nothing else. What
 * waits stays within its bounds, the console shows what it has to, and the guest is let go when it can be.
 */
import assert from "node:assert/strict";
import {
  framePayloadTargetBytes,
  heldOutputBytes,
  keptOutputBytes,
  logWindowBytes,
} from "../base/limits.ts";
import { Pair } from "../demo/pair_processes.ts";
import type { Side } from "../demo/side.ts";
import type { SideProcess } from "../demo/side_process.ts";
import { HalfSpeed } from "./support/half_speed.ts";
import { PATIENT_MS } from "./support/pair_hosts.ts";
import { Watch } from "./support/pair_watch.ts";
import { SlowLink } from "./support/slow_link.ts";

const LAG_MAX_MS = 200;
/** How far above its limit the lag may be seen: on the way there, and on a host that is busy with other things.
 * Without a throttle it would grow for as long as the backup is slow. */
const LAG_SEEN_MAX_MS = 15 * LAG_MAX_MS;
/** By how much a side may grow while it is slow: what the garbage collector leaves about in a busy second. */
const GROWTH_MAX_BYTES = 64 << 20;
/** Looks at a slow pair, and how often the guest must have been seen to be slowed down. */
const LOOKS = 80;
const SLOWED_LOOKS = 10;
const BETWEEN_LOOKS_MS = 100;

const SIDE_ARGS = ["--timeout", `${PATIENT_MS}ms`, "--lag-max", `${LAG_MAX_MS}ms`];

Deno.test("a backup slowed to half its speed slows the guest, within all bounds, until it is fast again", async () => {
  await using pair = Pair.start({ primary: { args: SIDE_ARGS } });
  await pair.primary.protected();
  await using watch = new Watch(pair.consoles, { intervalMs: 0 });
  await halveSpeed(pair.primary, pair.backup, watch);
  await watch.finish();
});

Deno.test("a side that has taken over slows the guest for its new backup just as well", async () => {
  await using pair = Pair.start({ primary: { args: SIDE_ARGS } });
  const { backup } = pair;
  await backup.saying(/protected: this side may take over/);
  await using watch = new Watch(pair.consoles, { intervalMs: 0 });
  await watch.progress();
  await pair.primary.kill();
  await backup.live(2);
  const joined = pair.startBackup({}, "backup");
  await joined.protected();
  await halveSpeed(backup, joined, watch);
  await watch.finish();
});

Deno.test("a link of 1 Mbit/s carries the pair, a thirtieth of that slows the guest, within all bounds", async () => {
  await using link = new SlowLink(1_000_000);
  await using pair = Pair.start({
    primary: { args: SIDE_ARGS },
    backup: { args: ["--primary", link.address] },
  });
  const [, address] = await pair.primary.saying(/a backup can join at (\S+)/);
  link.leadTo(address!);
  await pair.primary.protected();
  await using watch = new Watch(pair.consoles, { intervalMs: 0 });
  await watch.progress(100);
  await lookAt(pair.primary, pair.backup);
  await watch.progress(100);
  link.bitsPerSecond = 30_000;
  await isSlowed(pair.primary, pair.backup);
  await watch.progress(20);
  link.bitsPerSecond = 100_000_000;
  await isLetGo(pair.primary);
  await watch.progress(100);
  await watch.finish();
});

/** Slows the backup, looks, and lets it go. */
async function halveSpeed(primary: SideProcess, backup: SideProcess, watch: Watch): Promise<void> {
  await watch.progress(100);
  {
    await using slow = new HalfSpeed(backup);
    await isSlowed(primary, backup);
    assert.ok(slow.stops > LOOKS, `${slow.stops} stops of the backup`);
    await watch.progress(100);
  }
  await isLetGo(primary);
  await watch.progress(100);
}

/** Checks that the guest is slowed down, within all bounds. */
async function isSlowed(primary: SideProcess, backup: SideProcess): Promise<void> {
  const slowed = await lookAt(primary, backup);
  assert.ok(slowed >= SLOWED_LOOKS, `seen to be slowed down ${slowed} times of ${LOOKS}`);
}

/** Looks at a pair that is under load; checks what is bounded, and returns how often the guest was slowed down. */
async function lookAt(primary: SideProcess, backup: SideProcess): Promise<number> {
  const before = [primary, backup].map(residentBytes);
  let slowed = 0;
  for (let look = 0; look < LOOKS; look++) {
    const [first, second] = await Promise.all([primary.status(), backup.status()]);
    const text = JSON.stringify({ first, second });
    assert.equal(first.mode, "protected", `${text}\n${primary.text}`);
    assert.ok(first.executionLagMs! <= LAG_SEEN_MAX_MS, `the lag: ${text}`);
    assert.ok(first.throttle! >= 0 && first.throttle! < 1, `the throttle: ${text}`);
    // As long as there is less, one more may come.
    const frameBytes = 2 * framePayloadTargetBytes;
    assert.ok(first.log.unreplayedBytes! < logWindowBytes + frameBytes, `the log: ${text}`);
    assert.ok(first.outputs.heldBytes! < heldOutputBytes + frameBytes, `held: ${text}`);
    assert.ok(second.outputs.keptBytes! <= keptOutputBytes, `kept: ${text}`);
    if (first.throttle! > 0) slowed++;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
  for (const [index, side] of [primary, backup].entries()) {
    const grown = residentBytes(side) - before[index]!;
    assert.ok(grown < GROWTH_MAX_BYTES, `the ${side.name} has grown by ${grown} bytes`);
  }
  return slowed;
}

/** Waits until the guest runs freely, with a backup that keeps up. */
async function isLetGo(primary: Side): Promise<void> {
  await primary.having(
    ({ throttle, executionLagMs }) => throttle === 0 && executionLagMs! < LAG_MAX_MS,
    "a guest that is not slowed down any more",
  );
}

/** What a process has in memory. */
function residentBytes({ pid }: SideProcess): number {
  const [, kibibytes] = Deno.readTextFileSync(`/proc/${pid}/status`).match(/^VmRSS:\s+(\d+) kB/m)!;
  return Number(kibibytes) * 1024;
}
