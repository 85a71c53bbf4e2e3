import assert from "node:assert/strict";
import { LedgerChecker } from "./ledger_checker.ts";
import { goodOutput } from "./ledger_output_test_support.ts";
import { excerpt, type Gathered, judge, showReport, stallOf } from "./report.ts";
import { Show } from "./show.ts";
import type { SideStatus } from "./side_process.ts";

const requests = 10;

function status(bytes: number, events: number): SideStatus {
  return {
    machineId: "ledger",
    role: "primary",
    generation: 1,
    mode: "protected",
    protected: true,
    point: 1,
    divergences: 0,
    log: { bytes, events },
    outputs: { kept: 0, performedAtTakeover: 0 },
  };
}

function gathered(output = goodOutput(requests - 2).text): Gathered {
  const checker = new LedgerChecker();
  checker.write(new TextEncoder().encode(output));
  return {
    host: { good: 1, limited: 0, missing: 0, isSlow: false },
    durationMs: 1,
    atProtection: status(1000, 2),
    beforeKill: status(5000, 202),
    afterTakeover: status(0, 0),
    exits: { primary: { code: 137, signal: "SIGKILL" }, backup: { code: 0, signal: null } },
    end: { exitCode: 0, why: "the guest ended with code 0" },
    client: { sent: requests, resent: 0, connections: 2, duplicateBytes: 0, lostBytes: 0 },
    stallMs: 1,
    observation: {
      verdict: checker.verdict(),
      longestGapMs: 1,
      longestGapAfterLine: 1,
      medianTickGapMs: 1,
    },
  };
}

Deno.test("a run in which all is right passes every check", () => {
  const report = judge(gathered());
  assert.ok(report.ok);
  assert.ok(report.checks.every(({ ok }) => ok));
  assert.deepEqual(report.log, { bytes: 4000, events: 200, bytesPerEvent: 20, stateBytes: 1000 });
});

const text = goodOutput(requests - 2).text;
const good = gathered();
const broken: Readonly<Record<string, Gathered>> = {
  "no answer missing": gathered(text.replaceAll(/^.*#5 .*\n/gm, "")),
  "no line skipped": gathered(text.replace(/^.* tick 2 .*\n/m, "")),
  "nothing applied twice": gathered(text.replace("answer #4", "answer #3")),
  "checksum chain unbroken": gathered(text.replace(/~.{8}\n$/, "~00c0ffee\n")),
  "no tick missing": gathered(text.replace("tick 2", "tick 3")),
  "the client agrees": { ...good, client: { ...good.client, sent: requests + 1 } },
  "the ends are right": { ...good, end: { exitCode: 3, why: "the guest ended with code 3" } },
};

for (const { name } of judge(good).checks) {
  Deno.test(`the check "${name}" can fail, and the demo with it`, () => {
    const report = judge(broken[name]!);
    assert.equal(report.checks.find((check) => check.name === name)?.ok, false);
    assert.equal(report.ok, false);
    let shown = "";
    showReport(report, new Show((piece) => shown += piece, false, false));
    assert.match(shown, new RegExp(`✗ ${name}`));
    assert.match(shown, /It does not hold/);
  });
}

Deno.test("bytes that were lost, and a side that ended otherwise, fail the demo", () => {
  const lossy = { ...good, client: { ...good.client, lostBytes: 1 } };
  const { primary } = good.exits;
  const failing = { ...good, exits: { primary, backup: { code: 70, signal: null } } };
  const surviving = { ...good, exits: { ...good.exits, primary: { code: 0, signal: null } } };
  for (const one of [lossy, failing, surviving]) assert.equal(judge(one).ok, false);
});

Deno.test("the stall is from the old side's last byte to the new one's first, wherever lines end", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const arrivals = [
    { atMs: 10, generation: 1, offset: 0, bytes: bytes("one\ntw") },
    { atMs: 20, generation: 1, offset: 6, bytes: bytes("o\nthr") },
    { atMs: 90, generation: 2, offset: 11, bytes: bytes("ee\n") },
    { atMs: 990, generation: 2, offset: 14, bytes: bytes("four\n") },
  ];
  assert.equal(stallOf(arrivals), 70);
  assert.deepEqual(excerpt(arrivals), { old: ["one", "two", "thr"], new: ["ee", "four"] });
  assert.equal(stallOf(arrivals.slice(0, 2)), 0);
});
