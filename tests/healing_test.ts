/**
 * A backup whose replay diverges is healed on the same connection: real sides, real vCPU threads, a log that is
 * altered on its way.
 */
import assert from "node:assert/strict";
import type { DivergenceReport } from "../backup/divergence_report.ts";
import { ExitCode } from "../base/errors.ts";
import { AlteringRelay } from "./support/altering_relay.ts";
import {
  backupOptions,
  primaryOptions,
  runBackup,
  runPrimary,
  until,
} from "./support/pair_in_process.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { ScratchDirectory } from "./support/run_command.ts";

const seed = chooseSeed("healing_test");

/** A pair whose log passes a relay, with a stress guest. */
async function stressedPair(scratch: ScratchDirectory, relay: AlteringRelay, options = {}) {
  const primary = await runPrimary({
    ...primaryOptions(scratch.path),
    guest: "stress",
    commandLine: `${seed} 60`,
    console: `file:${scratch.file("first")}`,
    requireBackup: true,
    commitReplayed: true,
    timeoutMs: 20_000,
    lagMaxMs: 0,
    verify: 1000,
    ...options,
  });
  relay.leadTo(primary.address);
  const backup = runBackup({
    ...backupOptions(scratch.path, relay.address),
    console: `file:${scratch.file("second")}`,
    reports: scratch.file("reports"),
  });
  await until(() => primary.side.status().protected, () => primary.lines.join("\n"));
  return { primary, backup };
}

type Pair = Awaited<ReturnType<typeof stressedPair>>;

/** Alters the log until the replay differs: not every alteration comes to anything. */
async function diverge({ primary, backup }: Pair, relay: AlteringRelay, times = 1): Promise<void> {
  await until(() => {
    if (primary.side.status().divergences as number >= times) return true;
    const { mode } = primary.side.status();
    if (mode === "protected" && relay.altered.length < 100) relay.alterNext();
    return undefined;
  }, () => [...relay.altered, ...primary.lines, ...backup.lines].join("\n"));
}

function count(lines: readonly string[], text: RegExp): number {
  return lines.filter((line) => text.test(line)).length;
}

Deno.test("a backup that diverges is healed, and in the end has every byte that was seen", async () => {
  using scratch = new ScratchDirectory();
  await using relay = new AlteringRelay(new Random(seed));
  const pair = await stressedPair(scratch, relay, { divergenceMax: { count: 99, withinMs: 1 } });
  const { primary, backup } = pair;
  for (let times = 1; times <= 3; times++) {
    await diverge(pair, relay, times);
    await until(() => primary.side.status().mode !== "healing", () => primary.lines.join("\n"));
  }
  const [{ code, why }, end] = await Promise.all([primary.halt, backup.halt]);
  const said = [...primary.lines, ...backup.lines].join("\n");
  assert.deepEqual([code, end.code], [ExitCode.ok, ExitCode.ok], `${why}; ${end.why}\n${said}`);
  const shown = Deno.readTextFileSync(scratch.file("first"));
  assert.match(shown, /^done\n$/m);
  assert.equal(Deno.readTextFileSync(scratch.file("second")), shown);
  assert.ok(count(backup.lines, /may not take over until/) >= 3, said);
  assert.equal(count(backup.lines, /joins machine/), 1, `it never lost its connection\n${said}`);
});

Deno.test("a divergence is described in two files, and both sides say where", async () => {
  using scratch = new ScratchDirectory();
  await using relay = new AlteringRelay(new Random(seed + 1));
  const pair = await stressedPair(scratch, relay);
  await diverge(pair, relay);
  const { primary, backup } = pair;
  const path = await until(
    () => backup.side.role.status().divergenceReport as string | null ?? undefined,
    () => backup.lines.join("\n"),
  );
  await until(() => primary.lines.join("\n").includes(path), () => primary.lines.join("\n"));
  const text = Deno.readTextFileSync(path);
  const report: DivergenceReport = JSON.parse(
    Deno.readTextFileSync(path.replace(/txt$/, "json")),
  );
  assert.equal(report.machineId, "stress");
  assert.ok(report.verifiedThrough <= report.point && report.point <= report.noticed.point, text);
  // The primary lives, and its trail is longer than the log that waits: the exits are known. It may stand there.
  assert.notEqual(report.exit, null, text);
  if (report.exit!.point <= report.noticed.point) {
    assert.notEqual(report.exit!.recorded, null, text);
  }
  assert.ok(Object.keys(report.devices).length > 10, text);
  const named = report.exitDifferences.length + report.differences.length;
  assert.ok(named > 0, text);
  assert.match(
    text,
    new RegExp(`first difference +(the exit at )?execution point ${report.point}`),
  );
  primary.side.stop("enough");
  await Promise.all([primary.halt, backup.halt]);
});

Deno.test("a backup with too many divergences is unfit, and the primary goes on alone", async () => {
  using scratch = new ScratchDirectory();
  await using relay = new AlteringRelay(new Random(seed + 2));
  const pair = await stressedPair(scratch, relay, {
    divergenceMax: { count: 1, withinMs: Infinity },
  });
  const { primary, backup } = pair;
  await diverge(pair, relay);
  await until(() => primary.side.status().mode !== "healing", () => primary.lines.join("\n"));
  await diverge(pair, relay, 2);
  const { code, why } = await backup.halt;
  assert.equal(code, ExitCode.diverged, why);
  assert.match(why, /unfit after more than 1 divergences/);
  assert.equal((await primary.halt).code, ExitCode.ok);
  assert.match(Deno.readTextFileSync(scratch.file("first")), /^done\n$/m);
});
