import assert from "node:assert/strict";
import { ExitTrail } from "../machine/exit_trail.ts";
import { type DivergenceFacts, reportOf, reportText } from "./divergence_report.ts";

/** The entry of an exit with this value written, and this in RBX. */
function exitOf(point: number, value: number, rbx: number): Uint8Array {
  const trail = new ExitTrail();
  const registers = new Uint32Array(36);
  registers[2] = rbx;
  trail.begin(point, registers);
  trail.complete({ kind: 1, address: 0x3f8, shape: 1 | 1 << 24, value }, 7);
  return trail.entry(point)!;
}

const facts: DivergenceFacts = {
  machineId: "m1",
  generation: 2,
  who: "b",
  atMs: 0,
  verifiedThrough: 100,
  comparison: "all",
  divergence: { point: 140, place: "outputs since 100", recorded: "aa", replayed: "bb" },
  details: {
    differences: [{ name: "outputs since 100", recorded: "aa", replayed: "bb" }],
    devices: { "uart0.ier": "0x1" },
  },
  exits: { point: 120, recorded: exitOf(120, 0x41, 5), replayed: exitOf(120, 0x42, 6) },
};

Deno.test("the first exit that differs is named, with what was recorded and what was replayed", () => {
  const report = reportOf(facts);
  assert.equal(report.point, 120);
  assert.equal(report.noticed.point, 140);
  assert.deepEqual(report.exitDifferences, [
    { name: "exit.value", recorded: "0x41", replayed: "0x42" },
    { name: "regs.rbx", recorded: "0x5", replayed: "0x6" },
  ]);
  const text = reportText(report);
  assert.match(text, /first difference +the exit at execution point 120\n/);
  assert.match(text, /recorded: io write of 1 at 0x3f8, value 0x41\n/);
  assert.match(text, /regs\.rbx +0x5 {2}0x6 {2}<<\n/);
  assert.match(text, /uart0\.ier = 0x1\n/);
});

Deno.test("where all exits are equal, it says so, and names what was found there", () => {
  const recorded = exitOf(141, 1, 1);
  const report = reportOf({
    ...facts,
    exits: { point: 141, recorded, replayed: new Uint8Array() },
  });
  assert.equal(report.point, 140);
  const text = reportText(report);
  assert.match(text, /execution point 140; all exits up to there are the recorded ones\n/);
  assert.match(text, /replayed: none: the replay did not come so far\n/);
});

Deno.test("where all exits are equal and neither side has come to another one, it speaks of none", () => {
  const none = new Uint8Array();
  const report = reportOf({ ...facts, exits: { point: 141, recorded: none, replayed: none } });
  assert.equal(report.point, 140);
  const text = reportText(report);
  assert.match(text, /execution point 140; all exits up to there are the recorded ones\n/);
  assert.doesNotMatch(text, /The exit at/);
});

Deno.test("without the primary it says how far everything was verified", () => {
  const report = reportOf({ ...facts, exits: undefined });
  assert.equal(report.point, 140);
  assert.match(reportText(report), /after execution point 100, at 140 at the latest/);
});

Deno.test("what a primary sends that is no exit is taken for not known", () => {
  const exits = { ...facts.exits!, recorded: new Uint8Array(3) };
  const report = reportOf({ ...facts, exits });
  assert.equal(report.exit!.recorded, null);
  assert.deepEqual(report.exitDifferences, []);
  assert.match(reportText(report), /recorded: not known any more\n/);
});
