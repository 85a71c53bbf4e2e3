import assert from "node:assert/strict";
import { World } from "./pair_test_support.ts";
import { seed } from "./protocol_test_support.ts";

/** Seeds that one test runs; env SEED repeats that one alone. */
const RUNS = Deno.env.has("SEED") ? 1 : 2000;

type Fault = (world: World) => void;

/** What can happen to a pair, each by its name in DESIGN.md's terms. */
const FAULTS: Record<string, Fault> = {
  join: (world) => world.join(),
  crash: (world) => world.sides.find(({ isGone }) => !isGone)?.crash(world.chance.happens(0.5)),
  "crash at an effect": (world) => world.crashRate = 0.02,
  "connection lost": (world) => {
    const channel = world.chance.pick(world.channels);
    channel?.toPrimary.cut(world.chance);
    channel?.toBackup.cut(world.chance);
  },
  "connection silent": (world) => {
    const channel = world.chance.pick(world.channels);
    if (channel === undefined) return;
    if (world.chance.happens(0.7)) channel.toPrimary.isDead = true;
    if (world.chance.happens(0.7)) channel.toBackup.isDead = true;
  },
  stopped: (world) => world.chance.pick(world.sides).isStopped = true,
  continued: (world) => world.sides.forEach((side) => side.isStopped = false),
  "arbiter out of reach": (world) => world.arbiter.isReachable = false,
  "arbiter back": (world) => world.arbiter.isReachable = true,
  "time jumps": (world) => world.pass(world.chance.below(300)),
  handover: (world) => world.primaries.forEach((side) => side.step({ type: "handover" })),
  leave: (world) => world.backups.forEach((side) => side.step({ type: "leave", why: "asked" })),
  divergence: (world) => world.backups.forEach((side) => side.isCorrupt = true),
  "guest's end": (world) => world.primaries.forEach(({ recorder }) => recorder?.end()),
};

/** One run: quiet until protected, then troubles of these kinds, then peace until all has settled. */
function simulate(runSeed: number, kinds: readonly string[], troubles: number): World {
  const world = new World(runSeed, runSeed % 2 === 0);
  world.join();
  const quiet = world.chance.below(250);
  for (let step = 0; step < quiet; step++) world.act();
  for (let trouble = 0; trouble < troubles; trouble++) {
    FAULTS[world.chance.pick(kinds)]!(world);
    for (let step = world.chance.below(60); step > 0; step--) world.act();
  }
  world.crashRate = 0;
  FAULTS["continued"]!(world);
  FAULTS["arbiter back"]!(world);
  settle(world);
  return world;
}

function settle(world: World): void {
  for (let step = 0; step < 100_000 && unsettled(world) !== undefined; step++) world.act();
}

/** Who still waits for something; in peace, that must come. */
function unsettled({ primaries, backups }: World): string | undefined {
  for (const { name, primary } of primaries) {
    if (!["alone", "protected"].includes(primary!.mode)) return `${name} is ${primary!.mode}`;
  }
  for (const { name, backup } of backups) {
    // One that joins may do so for ever: there is one place only.
    const isFollowing = backup!.phase === "following" && backup!.isProtected;
    if (backup!.phase !== "joining" && !isFollowing) return `${name} is ${backup!.phase}`;
  }
  return primaries.length > 1 ? "two sides reign" : undefined;
}

/** Nobody waits for what never comes, and a machine that is left makes progress that is seen. */
function checkSettled(world: World): void {
  assert.equal(unsettled(world), undefined);
  const [side] = world.primaries;
  if (side === undefined) return;
  const wanted = world.seen.length + 5;
  for (let step = 0; step < 5000 && world.seen.length < wanted; step++) world.act();
  const isLeft = world.primaries.includes(side) && !side.recorder!.isEnded;
  if (isLeft) assert.ok(world.seen.length >= wanted, "the machine stands still");
}

/** Runs many seeds; a failure names its own. */
function campaign(
  kinds: readonly string[],
  troubles: number,
  check: (world: World) => void = checkSettled,
): void {
  for (let run = 0; run < RUNS; run++) {
    const runSeed = seed + run;
    try {
      check(simulate(runSeed, kinds, troubles));
    } catch (error) {
      throw new Error(`SEED=${runSeed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

Deno.test("in peace a backup is protected, and nothing is seen twice", () => {
  campaign(["arbiter back"], 1, (world) => {
    const [side] = world.primaries;
    for (let step = 0; step < 2000 && side!.primary!.mode !== "protected"; step++) world.act();
    assert.equal(side!.primary!.mode, "protected");
    settle(world);
    checkSettled(world);
    assert.equal(world.repeated, 0);
  });
});

Deno.test("handovers and joins alone: the machine moves, and nothing is seen twice", () => {
  campaign(["handover", "join"], 4, (world) => {
    checkSettled(world);
    assert.equal(world.repeated, 0);
    assert.ok(world.primaries.length > 0);
  });
});

Deno.test("whichever side dies at whichever effect: nothing is lost, nothing changes", () => {
  campaign(["crash", "crash at an effect", "join"], 3);
});

Deno.test("connections that break or fall silent at any packet: one side goes on", () => {
  campaign(["connection lost", "connection silent", "join"], 4);
});

Deno.test("sides stopped and continued at any step: one side goes on", () => {
  campaign(["stopped", "continued", "time jumps", "join"], 6);
});

Deno.test("with the arbiter out of reach nobody goes on; when it is back, one side does", () => {
  campaign(["arbiter out of reach", "arbiter back", "connection lost", "stopped", "join"], 6);
});

Deno.test("the guest's end is final: both sides stop and nobody takes over", () => {
  campaign(["guest's end", "connection lost", "stopped", "continued", "join"], 3);
});

Deno.test("anything at any time; and much of it does happen", () => {
  const tally = { takeovers: 0, handovers: 0, repeated: 0, lost: 0, ended: 0, unfit: 0 };
  campaign(Object.keys(FAULTS), 10, (world) => {
    checkSettled(world);
    tally.takeovers += world.takeovers;
    tally.repeated += world.repeated;
    for (const { why } of world.halts) {
      if (why.startsWith("lost generation")) tally.lost++;
      if (why.startsWith("handed over")) tally.handovers++;
      if (why.startsWith("diverged")) tally.unfit++;
      if (why === "done") tally.ended++;
    }
  });
  if (RUNS === 1) return;
  for (const [name, count] of Object.entries(tally)) assert.ok(count > 0, `no run had ${name}`);
  console.log(tally);
});
